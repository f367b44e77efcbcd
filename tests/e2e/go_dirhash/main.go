// Prints Go's own h1: of each folder or zip file that is named.
package main

import (
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/dirhash"
)

func main() {
	for _, path := range os.Args[1:] {
		info, err := os.Stat(path)
		var hash string
		if err == nil && info.IsDir() {
			hash, err = dirhash.HashDir(path, "", dirhash.Hash1)
		} else if err == nil {
			hash, err = dirhash.HashZip(path, dirhash.Hash1)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(hash)
	}
}
