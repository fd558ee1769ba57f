#include "lib/transfer/refresh.h"

#include "lib/base/clock.h"
#include "lib/base/endian.h"
#include "lib/base/text.h"
#include "lib/dns/message.h"
#include "lib/transfer/differences.h"
#include "lib/transfer/queries.h"
#include "lib/transfer/tsig.h"
#include "lib/transfer/xfr_reader.h"
#include "lib/zone/name_text.h"

namespace gl::transfer {
namespace {

constexpr std::chrono::milliseconds kIdle{20'000};
// An empty record takes so many bytes of a line: more of them do not fit the limit of bytes anyway.
constexpr std::uint64_t kLeastLine = 20;

// One primary, asked with its key.
class Exchange {
 public:
  Exchange(const RefreshTask& task, const Peer& primary, const Stop& stop)
      : task_(task), primary_(primary), stop_(stop) {}

  [[nodiscard]] Status run(Refreshed& into) {
    if (!primary_.key.empty()) {
      key_ = find_key(*task_.keys, zone::as_bytes(primary_.key));
      if (key_ == nullptr) return Error{"its TSIG key " + zone::to_text(primary_.key) + " is in no --tsig file"};
    }
    if (task_.held) {
      const Result<std::uint32_t> serial = ask_serial();
      if (!serial) return Error{"SOA: " + serial.error()};
      if (*serial == *task_.held) return into.end = Refreshed::End::current, success();
      if (!is_newer(*serial, *task_.held)) {
        return Error{"its serial " + std::to_string(*serial) + " is older than ours, " + std::to_string(*task_.held)};
      }
      if (primary_.ixfr) {
        Status status = fetch(into, true);
        if (status || stop_) return status;
        if (Status whole = fetch(into, false); !whole) {
          return Error{"IXFR: " + status.error() + "; AXFR: " + whole.error()};
        }
        return success();
      }
    }
    const Status status = fetch(into, false);
    return status ? success() : Error{"AXFR: " + status.error()};
  }

 private:
  // Over UDP; over TCP where the answer is cut.
  [[nodiscard]] Result<std::uint32_t> ask_serial() {
    const Message bare = make_question(task_.zone, dns::rr::soa);
    Message query = bare;
    const Mac mac = sign(query);
    Message answer;
    std::string rejected;
    const Status asked = ask_datagram(primary_.host, query, stop_, [&](Bytes datagram) {
      if (!answers(datagram, query)) return false;
      // Anyone may have sent one with a wrong signature: the right one may come yet.
      if (Status good = check(datagram, mac); !good) return rejected = good.error(), false;
      answer.assign(datagram.begin(), datagram.end());
      return true;
    });
    if (!asked) return Error{rejected.empty() ? asked.error() : rejected};
    if ((answer[2] & 0x02) != 0) {  // TC
      Stream stream(stop_, Clock::now() + kIdle, kIdle);
      Status status = stream.connect(primary_.host);
      if (status) status = stream.send(query);
      if (status) status = stream.receive(answer);
      if (status && !answers(answer, query)) status = Error{"an answer to something else"};
      if (status) status = check(answer, mac);
      if (!status) return Error{status.error()};
    }
    return serial_in(answer);
  }

  [[nodiscard]] Result<std::uint32_t> serial_in(Bytes answer) const {
    if (rcode_of(answer) != 0) return Error{rcode_text(rcode_of(answer))};
    dns::Question question;
    if (!dns::parse_question(answer, question)) return Error{"a malformed answer"};
    if ((answer[2] & 0x04) == 0) return Error{"not an authoritative answer"};
    std::size_t at = question.end;
    Record record;
    for (unsigned i = load_be<std::uint16_t>(answer.data() + 6); i > 0; --i) {
      if (!read_record(answer, at, record)) return Error{"a malformed answer"};
      const auto soa = lower_name(record.owner) == task_.zone ? soa_of(record) : std::nullopt;
      if (soa) return soa->serial;
    }
    return Error{"an answer without the zone's SOA"};
  }

  [[nodiscard]] Mac sign(Message& query) const {
    return key_ == nullptr ? Mac{} : sign_query(query, *key_, unix_seconds());
  }
  [[nodiscard]] Status check(Bytes answer, const Mac& mac) const {
    if (key_ == nullptr) return success();
    return AnswerChecker(*key_, mac).take(answer, unix_seconds());
  }

  [[nodiscard]] Status fetch(Refreshed& into, bool incremental) {
    const Record have = soa_of_serial(task_.zone, task_.held.value_or(0));
    Message query = make_question(task_.zone, incremental ? dns::rr::ixfr : dns::rr::axfr, dns::Opcode::query,
                                  incremental ? &have : nullptr);
    const Mac mac = sign(query);
    Stream stream(stop_, Clock::now() + std::chrono::seconds(task_.most_seconds), kIdle);
    if (Status status = stream.connect(primary_.host); !status) return status;
    if (Status status = stream.send(query); !status) return status;
    XfrReader reader(task_.zone, incremental ? task_.held : std::nullopt, task_.limit / kLeastLine);
    auto writer = std::make_unique<ZoneWriter>(task_.path, task_.limit);
    Differences differences(task_.limit);
    if (Status status = receive(stream, query, mac, reader, *writer, differences); !status) return status;
    if (reader.is_current()) return Error{"it says that there is nothing newer, and its SOA said otherwise"};
    if (task_.held && !is_newer(reader.newest().serial, *task_.held)) {
      return Error{"it brings serial " + std::to_string(reader.newest().serial) + ", which is not newer than ours, " +
                   std::to_string(*task_.held)};
    }
    Status done =
        reader.is_incremental() ? differences.apply(task_.path, reader.newest_record(), *writer) : writer->finish();
    if (!done) return done;
    into.end = Refreshed::End::fetched;
    into.soa = reader.newest();
    into.how = (reader.is_incremental() ? "IXFR, " : "AXFR, ") + counted(reader.records(), "record");
    into.zone = std::move(writer);
    return success();
  }

  [[nodiscard]] Status receive(Stream& stream, Bytes query, const Mac& mac, XfrReader& reader, ZoneWriter& writer,
                               Differences& differences) const {
    std::optional<AnswerChecker> checker;
    if (key_ != nullptr) checker.emplace(*key_, mac);
    std::uint64_t bytes = 0;
    for (Message message; !reader.is_done();) {
      if (Status status = stream.receive(message); !status) return status;
      if (!answers(message, query)) return Error{"an answer to something else"};
      bytes += message.size();
      if (bytes > task_.limit)
        return Error{"larger than " + std::to_string(task_.limit >> 20) + " MiB (--transfer-limit)"};
      if (checker) {
        if (Status status = checker->take(message, unix_seconds()); !status) return status;
      }
      if (rcode_of(message) != 0) return Error{rcode_text(rcode_of(message))};
      Status status = reader.take(message, [&](XfrReader::Part part, const Record& record) {
        if (part == XfrReader::Part::zone) return writer.add(record);
        return part == XfrReader::Part::added ? differences.add(record) : differences.remove(record);
      });
      if (!status) return status;
    }
    if (checker && !checker->is_complete()) return Error{"its end is not signed"};
    return success();
  }

  const RefreshTask& task_;
  const Peer& primary_;
  const Stop& stop_;
  const TsigKey* key_ = nullptr;
};

}  // namespace

Refreshed refresh(const RefreshTask& task, const Stop& stop) {
  Refreshed result;
  for (const Peer& primary : task.primaries) {
    if (stop) break;
    result.from = wire::to_text(primary.host);
    const Status status = Exchange(task, primary, stop).run(result);
    if (status) return result;
    result.error += (result.error.empty() ? "" : "; ") + result.from + ": " + status.error();
  }
  return result;
}

}  // namespace gl::transfer
