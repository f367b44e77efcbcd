# What zsh does with a line where <tab> is pressed: prints what it offers, one a line, then the line as it stands then.
#   zsh -f press_tab.zsh FUNCTIONS LINE      FUNCTIONS: the folder of _codedriftd
zmodload zsh/zpty
work=$(mktemp -d)
trap 'rm -rf $work' EXIT
cat >$work/setup <<END
PS1= PS2= RPS1=
fpath=($1 \$fpath)
autoload -Uz compinit
compinit -u -D
compadd() {
  if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
    local -a hits
    builtin compadd -A hits "\$@"
    print -rl -- \$hits >>$work/offered
  fi
  builtin compadd "\$@"
}
report() { print -r -- "\$BUFFER" >$work/line.part; command mv $work/line.part $work/line }
zle -N report
bindkey '^I' complete-word '^X' report
zle-line-init() { command touch $work/ready }
zle -N zle-line-init
END
# comes FILE: it is there within half a minute; what the terminal shows meanwhile is read, or the shell would wait.
comes() {
  integer tries
  for ((tries = 0; tries < 600; ++tries)); do
    [[ -e $1 ]] && return
    zpty -r -t tty shown
    sleep 0.05
  done
  print -u2 "zsh did not come to $1"
  exit 1
}
export TERM=dumb
zpty tty exec zsh -f -i
zpty -w tty "source $work/setup"
comes $work/ready
zpty -w -n tty "$2"$'\t'$'\x18'
comes $work/line
zpty -d tty
[[ -e $work/offered ]] && sort -u $work/offered | grep .
cat $work/line
