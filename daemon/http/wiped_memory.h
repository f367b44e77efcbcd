#pragma once
/// Private to http/: what a request leaves in this process's memory is overwritten, so that no core dump shows it.
#include <curl/curl.h>

namespace codedriftd {

/// curl_global_init, with memory that is overwritten when it is freed.
CURLcode init_libcurl_wiping();

}  // namespace codedriftd
