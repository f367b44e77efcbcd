#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace codedriftd {

/// Where systemd's journal takes entries (systemd.io/JOURNAL_NATIVE_PROTOCOL).
inline constexpr char kJournalSocket[] = "/run/systemd/journal/socket";

/// Fields of an entry, in order: names as the journal wants them (upper case, digits, '_'), values of any bytes.
using JournalFields = std::vector<std::pair<std::string, std::string>>;

/// The entry as one datagram: each value with its length in front, so that none can forge another field.
std::string journal_datagram(const JournalFields& fields);

/// Sends an entry; false if the socket did not take it: nobody is there, it is full, or the entry is too long for a
/// datagram. Never waits. Thread-safe.
bool send_to_journal(const std::string& socket, const JournalFields& fields);

}  // namespace codedriftd
