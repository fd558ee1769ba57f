// The services of one core: made, and registered on their ports. The one place that knows them all.
// Ownership: the core's context owns what is made. Thread: main core, before the worker starts. Errors: one line.
#pragma once

#include <atomic>

#include "lib/base/result.h"
#include "lib/control/options/settings.h"
#include "lib/dns/server_cookie.h"
#include "lib/dns/tap.h"
#include "lib/worker/context.h"
#include "lib/zone/published.h"

namespace gl::control {

// All but `context` is borrowed; `tap` may be null. Where questions are forwarded the context has its forwarder
// already.
[[nodiscard]] Status add_services(worker::WorkerContext& context, const Settings& settings,
                                  const std::atomic<const zone::PublishedZones*>& zones,
                                  const dns::CookiePublication& cookies, dns::Tap* tap = nullptr);

}  // namespace gl::control
