// What the main core publishes for the workers: the zones that answer now, and for a while those before them.
// Ownership: the main core owns both snapshots and frees them after a quiescent state. Thread: published by one
// atomic pointer, immutable afterwards.
#pragma once

namespace gl::zone {

class ZoneSnapshot;

struct PublishedZones {
  const ZoneSnapshot* current = nullptr;
  // Serving until a moment ago: the rest of an answer is only given where both agree on its bytes.
  const ZoneSnapshot* previous = nullptr;
  // Zones changed twice within that while: no begun answer can be continued.
  bool history_lost = false;
};

}  // namespace gl::zone
