// Clients and their server on one core: the server takes its turn whenever the clients have polled, so what they sent
// is answered before they look. Ownership: owns the clients, borrows the server. Thread: one core.
#pragma once

#include <memory>
#include <utility>

#include "app/load/bench_server.h"
#include "app/load/generator.h"

namespace gl::load {

class TurnTaking final : public Generator {
 public:
  TurnTaking(std::unique_ptr<Generator> clients, BenchServer& server) : clients_(std::move(clients)), server_(server) {}
  std::size_t poll() noexcept override {
    const std::size_t frames = clients_->poll();
    server_.drain();
    return frames;
  }
  void drain() noexcept override { clients_->drain(); }
  void resume() noexcept override { clients_->resume(); }
  [[nodiscard]] std::size_t in_flight() const noexcept override { return clients_->in_flight(); }
  [[nodiscard]] const Report& report() const noexcept override { return clients_->report(); }
  [[nodiscard]] const Output& output() const noexcept override { return clients_->output(); }

 private:
  std::unique_ptr<Generator> clients_;
  BenchServer& server_;
};

}  // namespace gl::load
