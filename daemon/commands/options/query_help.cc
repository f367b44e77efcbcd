/// What `query --help` says.
#include <fmt/format.h>

#include "commands/options/query_options.h"

namespace codedriftd {
namespace {

constexpr std::string_view kQuery = R"(codedriftd query REPORT [TARGET…] [options]

Prints an audit report. It only reads the database, while the daemon runs or
after; it asks the cloud nothing.

Reports:
  status        each function now: is the live code the accepted one, and can it
                be seen?
  history       which code hash was live, from when to when, and how often that
                was looked at
  events        the event log: drift, missing functions, accepted hashes,
                restarts, …
  alerts        what was sent where, what waits, what could not be delivered
  coverage      how much of the time each function was really observed, and why
                not
  inventory     which functions there are, and which of them are watched
  attestations  what was announced or approved with a signed statement, and the
                key
  report        all of it about a period, in one file for an auditor

Examples:
  codedriftd query status
  codedriftd query status --status drifted --status missing
  codedriftd query history charge --since 7d
  codedriftd query events --kind 'drift.*' --since 2026-11-01 --format csv
  codedriftd query coverage --region ap-guangzhou --since 30d --json
  codedriftd query report --since 2026-11-01 --until 2026-12-01 \
      -o november.html

"codedriftd query REPORT --help" says what each of them takes.
)";

constexpr std::string_view kStatus =
    R"(  --status GLOB       targets whose status is: missing drifted unobserved
                      examining unreviewed pending_deploy in_sync
)";

constexpr std::string_view kAll = "  --all               also targets that are no longer watched\n";

constexpr std::string_view kOutput = R"(
How it is printed:
  --format FORMAT     table (the default), json, ndjson, csv or markdown; --json
                      is --format json. table and markdown are for people and
                      show the main columns, the others have every field
  --bom               csv with a UTF-8 byte order mark first: without it many
                      spreadsheets show other letters than ASCII as junk
  --wide              a table as wide as it has to be, with times in full. On a
                      terminal it fits itself to the width without it, and has
                      ages for times
  --utc               times in full there too
  -o, --output FILE   into a file, which appears complete or not at all

Times are UTC: 2026-11-24, 2026-11-24T03:04:05Z, "2026-11-24 03:04", now; or an
age: 90s, 15m, 1h30m, 7d, 1w. A date alone is its first moment.
)";

constexpr std::string_view kReportOutput = R"(
How it is written:
  --format FORMAT     markdown (the default), html or json; --json is --format
                      json. Without it the end of FILE says which: .html or
                      .json. table, csv and ndjson are for the other queries
  -o, --output FILE   into a file, which appears complete or not at all

Times are UTC: 2026-11-24, 2026-11-24T03:04:05Z, "2026-11-24 03:04", now; or an
age: 90s, 15m, 1h30m, 7d, 1w. A date alone is its first moment.
)";

constexpr std::string_view kQueryExit = R"(
Exit code: 0 done, also where no row has that kind, status or time; 1 the
database could not be read, or a name matches nothing; 64 wrong usage; 78 wrong
configuration.
)";

struct Words {
  std::string_view report, what, own, examples;
};

constexpr Words kQueries[] = {{"status",
                               R"(Prints the present status of each watched function; what needs attention first.

  missing         the API says that there is no such function
  drifted         the live code is neither accepted nor announced
  unobserved      never seen, or not for longer than stale_after: REASON says
                  why
  examining       a new hash is live, and its package is being looked at, for as
                  long as examine_within: what was announced, pinned or accepted
                  by its content decides
  unreviewed      seen, but nothing was accepted yet (baseline = "review")
  pending_deploy  the accepted code is live, an announced one is awaited
  in_sync         the live code is the accepted one

json, ndjson and csv also have what is inside, where a package was examined:
observed_content and accepted_content, without what `ignore` leaves out; where a
content is announced, expected_content; and, of a function that drifts, changes:
{added, removed, changed, modes, files (20 at most), same_content, examined}.
"codedriftd plan" prints it for people.

Of layers, aliases and images observed_value and accepted_value say what the two
hashes stand for: each layer with its version and CodeSha256, the version that
an alias leads to and how it splits. The table has it beneath the row of those.
)",
                               R"(
  --at T              as it stood then: what was live, what was accepted, what
                      was known, told from the record. What the record no longer
                      tells for that moment (which poll was the last before it)
                      is null
  --since, --until T  only where the present status began within that time
  --limit N           the first N rows; the summary still counts all
  --watch, --watch=TIME
                      on a terminal: draw it again every two seconds, or as
                      often as TIME says
  --detailed-exitcode 2 if something is drifted or missing; else 3 if something
                      is pending, unreviewed, examining or unobserved
)",
                               R"(
Examples:
  codedriftd query status
  codedriftd query status charge --json
  codedriftd query status --at 2026-11-20T18:00:00Z
  codedriftd query status --detailed-exitcode --target 'prod/*' || echo "look"
)"},
                              {"history",
                               R"(Prints runs: a hash (or an answer like "missing") that every poll saw, from the
first to the last of them. A run ends with another answer, or with a gap longer
than stale_after. What it claims: at POLLS instants, never more than LONGEST GAP
apart, the live hash was SHA256. What lay between two of them is not known.
Where a package was examined, json, ndjson and csv have its content, too.
)",
                               R"(
  --since, --until T  only runs that overlap that time
  --limit N           the newest N runs
)",
                               R"(
Examples:
  codedriftd query history charge
  codedriftd query history --target 'prod/*' --since 24h --format ndjson
)"},
                              {"events",
                               R"(Prints the event log, oldest first. Each row is compared with the bytes it was
written as; a row that differs is marked, and the exit code is 1.
)",
                               R"(
  --kind GLOB         drift.* function.* poll.* account.* deploy.* baseline.set
                      package.* watch.* delivery.* alert.* …
  --since, --until T  only events of that time
  --limit N           the newest N events
)",
                               R"(
Targets are compared with the address in the event, whether they are still
watched or not.

Examples:
  codedriftd query events --since 24h
  codedriftd query events charge --kind 'drift.*' --json
)"},
                              {"alerts",
                               R"(Prints the alerts and what became of them, oldest first: pending, delivered,
dead (given up), dropped, or held (the receiver refuses everything; nothing is
lost, it is asked again now and then).

An alert is dead when it was not delivered within give_up_after; when its
receiver answered 400, 413, 415 or 422 (it will never take this one); when its
plugin crashed or hung three times while delivering it; when its [[alert]] is no
longer configured. The event delivery.dead says which: query events --kind
delivery.dead. "codedriftd alerts" delivers dead alerts again, or gives waiting
ones up.
)",
                               R"(
  --attempts          also each attempt to deliver: when, how long it took,
                      result, status, and the receiver's words with secrets
                      masked. Lines under the alert; in json, ndjson and csv a
                      list, the field attempt_log: {n, at, took_s, result,
                      status, words}
  --kind GLOB         alerts about events of this kind: drift.* function.*
                      poll.* …
  --since, --until T  only alerts made in that time
  --limit N           the newest N alerts
)",
                               R"(
Targets are compared with the address in the alert, whether they are still
watched or not.

Examples:
  codedriftd query alerts --since 24h --attempts
  codedriftd query alerts --kind 'drift.*' --json
)"},
                              {"coverage",
                               R"(Prints how much of the time that each function was configured it was observed. A
gap is a time between two answers longer than stale_after; COVERAGE is observed
/ (observed + unobserved). Why there was a gap: never_polled, stale, updating,
denied, code_secret, failed, clock or daemon_not_running (json and ndjson list
every gap).

Functions that are not configured are not polled. What there is beside those
that are is told by listings: beneath the rows stands, for each account and
region, how many functions were found, how many of them are watched, when they
were last listed completely, and when no listing was complete; in json it is
summary.inventory.
)",
                               R"(
  --since, --until T  what to count; by default the last 30 days, or since the
                      function was first configured
  --limit N           the first N rows; the overall figure still counts all
)",
                               R"(
POLLS counts the answers within that time; of a run that its edge cuts, as many
as are certain.

Examples:
  codedriftd query coverage
  codedriftd query coverage charge --since 2026-11-01 --until 2026-12-01 --json
)"},
                              {"inventory",
                               R"(Prints the functions that listings of the cloud found, by address, and how each
stands to the configuration. RULE is the file and line that says so.

  watched     named by a [[function]], or matched by a [[watch]]
  excluded    a [[watch]] matches it, and its `except` takes it out
  unmanaged   nothing matches it: it is not polled
  gone        two complete listings in a row did not show it any more
  unreadable  a namespace that could not be listed, or a name that no address
              can have: nothing is known of what is in it

Beneath the rows stands how much of what was found is watched, and where nothing
was ever listed, or the last listing was not complete.
)",
                               R"(
  --at T              as it stood then, told from the record
  --limit N           the first N rows; the summary still counts all, and those
                      in other states than asked for too
)",
                               R"(
json, ndjson and csv also have function_id and gone_at. modified_at is when the
cloud says that the function was changed last, in its code or otherwise.

Examples:
  codedriftd query inventory --state unmanaged
  codedriftd query inventory --region 'ap-*' --json | jq .summary
)"},
                              {"attestations",
                               R"(Prints what was announced (deploy.expected), arrived (deploy.arrived) or was
approved (baseline.set) with an attestation: which key of [trust] it was
verified with, and what it said of builder, source and commit.
json, ndjson and csv have the attestation whole, as envelope, to be verified
again with the public key. One that is missing from the record, or was changed
there, is marked, and the exit code is 1.
)",
                               R"(
  --since, --until T  only those of that time
  --limit N           the newest N
)",
                               R"(
Examples:
  codedriftd query attestations charge
  codedriftd query attestations --json | jq -r '.rows[-1].envelope' > last.json
)"},
                              {"report",
                               R"(Writes one file for an auditor about a period: what is claimed, in the exact
words; what is open; every drift with its timeline, and the files that changed,
where packages were examined; what was accepted, by whom
and why, and what was only trusted on first sight; announced deployments and
changed pins; refused requests; what was added to the watch and removed; what
was seen and the gaps, with reasons; alerts that were not delivered;
configurations and restarts; and a timeline of each function.

The file loads nothing from anywhere and has no script.
)",
                               R"(
  --since, --until T  the period; by default the last 30 days
)",
                               R"(
In the report is what was watched at some time of the period, whether it still
is or not, and what concerns the whole daemon. --status asks for the status at
the end of the period. Each event is compared with the bytes it was written as;
if one differs, the report says so first, and the exit code is 1.

Examples:
  codedriftd query report --since 30d -o report.html
  codedriftd query report --since 2026-11-01 --until 2026-12-01 \
      --format html -o november.html
  codedriftd query report charge --since 7d
)"}};

}  // namespace

std::string query_help(std::string_view report) {
  for (const Words& words : kQueries) {
    if (words.report == report)
      return fmt::format("codedriftd query {} [TARGET…] [options]\n\n{}\nWhat is reported:{}{}{}{}{}{}{}", report,
                         words.what, words.own, report == "inventory" ? kFoundHelp : kTargetsHelp,
                         report == "inventory" ? "" : kStatus, report == "report" || report == "inventory" ? "" : kAll,
                         report == "report" ? kReportOutput : kOutput, words.examples, kQueryExit);
  }
  return fmt::format("{}{}", kQuery, kQueryExit);
}

}  // namespace codedriftd
