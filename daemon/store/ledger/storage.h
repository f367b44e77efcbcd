#pragma once
#include "model/storage.h"
#include "store/ledger/ledger.h"

namespace codedriftd::storage {

/// Tells what is to be told of `look` (model/storage.h), and keeps what was told in the record, so that a restart tells
/// nothing twice. Belongs into a Writer::Work. Throws StoreError; then nothing was told, and the next look tells it.
void note(Tx& tx, Ledger& ledger, const StorageLook& look, WallTime now);

}  // namespace codedriftd::storage
