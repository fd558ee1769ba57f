// Clients and what answers them, or what answers their server, on one core: it takes its turn whenever the clients have
// polled. Ownership: owns the clients, and borrows what `turn` does. Thread: one core.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "app/load/generator.h"

namespace gl::load {

class TurnTaking final : public Generator {
 public:
  TurnTaking(std::unique_ptr<Generator> clients, std::function<void()> turn)
      : clients_(std::move(clients)), turn_(std::move(turn)) {}
  std::size_t poll() noexcept override {
    const std::size_t frames = clients_->poll();
    turn_();
    return frames;
  }
  void drain() noexcept override { clients_->drain(); }
  void resume() noexcept override { clients_->resume(); }
  [[nodiscard]] std::size_t in_flight() const noexcept override { return clients_->in_flight(); }
  [[nodiscard]] const Report& report() const noexcept override { return clients_->report(); }
  [[nodiscard]] const Output& output() const noexcept override { return clients_->output(); }

 private:
  std::unique_ptr<Generator> clients_;
  std::function<void()> turn_;
};

}  // namespace gl::load
