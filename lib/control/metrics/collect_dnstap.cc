#include "lib/control/dnstap/tap_writer.h"
#include "lib/control/metrics/collect.h"

namespace gl::control {

void collect_dnstap(MetricFamilies& families, const TapWriter* tap) {
  if (tap == nullptr) return;
  const auto put = [&](const char* name, const char* help, std::uint64_t value) {
    families.counter(std::string("goldilocks_dnstap_") + name + "_total", help, {}, static_cast<double>(value));
  };
  put("told", "dnstap: messages that the cores told", tap->told());
  put("dropped_full", "dnstap: messages for which a core's ring had no room", tap->dropped_full());
  put("dropped_unread", "dnstap: messages thrown away since nobody read them", tap->dropped_unread());
  put("written", "dnstap: messages written", tap->written());
  put("opened", "dnstap: how often a reader was found, or the file opened", tap->opened());
  families.gauge("goldilocks_dnstap_open", "dnstap: 1 where there is a reader or a file", {}, tap->is_open() ? 1 : 0);
}

}  // namespace gl::control
