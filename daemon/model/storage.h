#pragma once
#include <string>
#include <vector>

#include "model/event.h"

namespace codedriftd {

/// The write-ahead log is moved into the database long before, unless somebody keeps a transaction open.
inline constexpr int64_t kMostWalBytes = 256LL * 1024 * 1024;

/// What the record stands on, as measured.
struct StorageLook {
  std::string folder, database;       ///< paths
  std::optional<int64_t> free_bytes;  ///< what the daemon can still write to the folder's file system; nullopt: unknown
  int64_t floor_bytes = 0;            ///< less than that is told; 0: nothing is
  int64_t wal_bytes = 0;
};

/// What was told of it and is not over.
struct StorageTold {
  bool low = false;      ///< storage.low
  bool blocked = false;  ///< storage.blocked
  bool operator==(const StorageTold&) const = default;
};

/// What is to be told now: storage.low below the floor, storage.recovered once a quarter more than the floor is free;
/// storage.blocked above kMostWalBytes, storage.unblocked at half of that. In between what was told stays so. Pure.
struct StorageDecision {
  StorageTold told;
  std::vector<NewEvent> events;
};
StorageDecision decide_storage(const StorageTold& told, const StorageLook& look);

}  // namespace codedriftd
