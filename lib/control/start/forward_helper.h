// The TCP helper on the rings of all workers.
// Ownership: owns helper and its ends of the rings; borrows settings and workers, which outlive it. Thread: main core.
#pragma once

#include <memory>
#include <vector>

#include "lib/control/start/workers.h"
#include "lib/tcp_client/helper.h"
#include "lib/worker/tcp_rings.h"

namespace gl::control {

class ForwardHelper {
 public:
  ForwardHelper(const backend::ForwardSettings& settings, const Workers& workers) {
    std::vector<tcp_client::JobSource*> sources;
    for (const auto& context : workers.contexts()) {
      sources_.push_back(std::make_unique<tcp_client::JobSourceOf<worker::TcpRings>>(*context->tcp_rings));
      sources.push_back(sources_.back().get());
    }
    helper_ = std::make_unique<tcp_client::TcpHelper>(settings, std::move(sources));
  }
  [[nodiscard]] Status start() { return helper_->start(); }
  [[nodiscard]] const tcp_client::TcpHelper& helper() const noexcept { return *helper_; }

 private:
  std::vector<std::unique_ptr<tcp_client::JobSource>> sources_;
  std::unique_ptr<tcp_client::TcpHelper> helper_;
};

}  // namespace gl::control
