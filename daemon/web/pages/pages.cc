#include "web/pages/pages.h"

namespace codedriftd {

WebReply answer_page(Database&, const WebRequest&, const PageSetting&, WallTime) {
  return {404, "text/html; charset=utf-8", "\n"};
}

}  // namespace codedriftd
