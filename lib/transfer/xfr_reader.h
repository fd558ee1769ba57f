// What a transfer brings, message by message, record by record: where it ends, and whether it is one at all.
// Byte order: wire in messages. Ownership: values. Thread: one. Errors: one line; the transfer is worthless then.
// Sources: RFC 5936 section 2.2 (AXFR), RFC 1995 section 4 (IXFR), RFC 1982 (serials).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "lib/base/result.h"
#include "lib/transfer/record.h"

namespace gl::transfer {

class XfrReader {
 public:
  enum class Part : std::uint8_t {
    zone,     // a record of the whole zone
    removed,  // differences: a record that is no longer in it
    added,    // or is now
  };
  using Sink = std::function<Status(Part part, const Record& record)>;

  // `apex`: in wire form. `held`: the serial from which on differences were asked for; absent: the whole zone was.
  XfrReader(std::string apex, std::optional<std::uint32_t> held, std::uint64_t most_records)
      : apex_(std::move(apex)), held_(held), most_records_(most_records) {}

  // `message` is an answer without error, as far as its header says; its TSIG may be in it.
  [[nodiscard]] Status take(Bytes message, const Sink& sink);
  [[nodiscard]] bool is_done() const noexcept { return at_ == At::done; }
  // One SOA and nothing else: there is nothing newer.
  [[nodiscard]] bool is_current() const noexcept { return current_; }
  [[nodiscard]] bool is_incremental() const noexcept { return incremental_; }
  // Known after the first message.
  [[nodiscard]] const Soa& newest() const noexcept { return newest_; }
  [[nodiscard]] const Record& newest_record() const noexcept { return newest_record_; }
  [[nodiscard]] std::uint64_t records() const noexcept { return records_; }

 private:
  enum class At : std::uint8_t { start, second, zone, removing, adding, done };

  [[nodiscard]] Status skip_questions(Bytes message, std::size_t& at) const;
  [[nodiscard]] Status take_record(const Record& record, const Sink& sink);
  [[nodiscard]] Status begin(const Record& record);
  [[nodiscard]] Status boundary(const Record& record, const Sink& sink);
  [[nodiscard]] Status from_second(const Record& record, const Soa& soa, const Sink& sink);

  const std::string apex_;
  const std::optional<std::uint32_t> held_;
  const std::uint64_t most_records_;
  At at_ = At::start;
  bool current_ = false;
  bool incremental_ = false;
  Soa newest_;
  Record newest_record_;
  std::uint32_t reached_ = 0;  // differences: the serial that they lead to so far
  std::uint64_t records_ = 0;
};

}  // namespace gl::transfer
