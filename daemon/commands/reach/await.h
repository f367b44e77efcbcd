#pragma once
/// What the daemon goes on with after it has answered. Private to commands/.
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/json_box.h"
#include "base/result.h"
#include "commands/reach/ask.h"
#include "settings/settings.h"

namespace codedriftd {

/// Asks the daemon five times a second what has come of a ticket, until nothing of it is left: the last reply to
/// `progress` (control/tickets.h). `word` hears how much is done. Fails if the daemon ends meanwhile, or does not know
/// the ticket any more.
Result<JsonBox> await_ticket(const Settings& settings, const std::string& ticket, const Clock& clock,
                             const Patience& patience,
                             const std::function<void(std::size_t done, std::size_t total)>& word);

}  // namespace codedriftd
