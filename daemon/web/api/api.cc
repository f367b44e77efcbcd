#include "web/api/api.h"

namespace codedriftd {

WebReply answer_api(Database&, const WebRequest&, WallTime) { return {404, "application/problem+json", "{}\n"}; }

}  // namespace codedriftd
