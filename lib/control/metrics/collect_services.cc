#include "lib/control/metrics/collect.h"

namespace gl::control {

namespace {

class ToFamilies final : public CounterReader {
 public:
  ToFamilies(MetricFamilies& families, const worker::WorkerContext& context, std::string_view service)
      : families_(families), context_(context), service_(service) {}

  void read(std::string_view name, std::uint64_t value, std::string_view help) override {
    families_.counter(counter_name(service_, name), std::string(service_).append(": ").append(help),
                      core_label(context_), static_cast<double>(value));
  }

 private:
  MetricFamilies& families_;
  const worker::WorkerContext& context_;
  std::string_view service_;
};

}  // namespace

void collect_services(MetricFamilies& families, const Workers& workers) {
  for (const auto& context : workers.contexts()) {
    for (const Service* const service : context->services.services()) {
      ToFamilies reader(families, *context, service->name());
      service->read_counters(reader);
    }
  }
}

}  // namespace gl::control
