// A whole zone to one secondary, as it is read: from the kept file, or from goldilocks-zone where it is an operator's
// text.
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/control/log.h"
#include "lib/control/transfers/transfer_server.h"
#include "lib/dns/types.h"
#include "lib/transfer/zone_file.h"
#include "lib/transfer/zone_stream.h"
#include "lib/zone/compiler_process.h"

namespace gl::control {
namespace {

constexpr unsigned kServFail = 2;

// Where the records come from.
class Source {
 public:
  explicit Source(const ServedZone& zone) : zone_(zone) {}
  [[nodiscard]] bool open() {
    if (zone_.transferred) {
      reader_.emplace(zone_.path);
    } else if (process_.start({zone_.path, zone_.name})) {
      reader_.emplace(process_.open_output());
    }
    return reader_ && !reader_->failed() && reader_->next(first_);
  }
  // The SOA.
  [[nodiscard]] const transfer::Record& first() const { return first_; }
  [[nodiscard]] bool next(transfer::Record& record) { return reader_->next(record); }
  [[nodiscard]] bool ended_well() { return !reader_->failed() && (zone_.transferred || process_.ended_well()); }

 private:
  const ServedZone& zone_;
  zone::RecordsProcess process_;
  std::optional<transfer::RecordReader> reader_;
  transfer::Record first_;
};

class Sender {
 public:
  Sender(transfer::Stream& stream, Bytes request, const std::string& apex, const transfer::CheckedRequest& check)
      : stream_(stream), packer_(request, apex), signer_(check) {}

  [[nodiscard]] Status add(const transfer::Record& record) {
    if (packer_.add(record)) return success();
    if (packer_.is_empty()) return Error{"a record is too long for a message"};
    if (Status status = flush(); !status) return status;
    return packer_.add(record) ? success() : Error{"a record is too long for a message"};
  }
  [[nodiscard]] Status flush() {
    transfer::Message message = packer_.take();
    signer_.sign(message, unix_seconds());
    return stream_.send(message);
  }

 private:
  transfer::Stream& stream_;
  transfer::MessagePacker packer_;
  transfer::AnswerSigner signer_;
};

}  // namespace

// What has begun and cannot be ended is cut: the other side then knows that it has not all.
bool TransferServer::send_zone(transfer::Stream& stream, const Request& request) {
  const std::string what = "transfer of zone " + request.zone->name + " to " + wire::to_text(request.from);
  const LogFields about = {{"zone", request.zone->name}, {"peer", wire::to_text(request.from)}};
  Source source(*request.zone);
  const auto soa = source.open() ? transfer::soa_of(source.first()) : std::nullopt;
  if (!soa || soa->serial != request.zone->serial) {
    warn(what + " cannot be: " + request.zone->path +
             (soa ? " has changed, and was not read again" : " has no records that could be told"),
         about);
    return stream.send(refuse(request, kServFail)).ok();
  }
  Sender sender(stream, request.message, request.apex, request.check);
  std::uint64_t records = 2;
  Status status = sender.add(source.first());
  for (transfer::Record record; status && source.next(record); ++records) status = sender.add(record);
  if (status && !source.ended_well()) status = Error{request.zone->path + " cannot be read"};
  if (status) status = sender.add(source.first());
  if (status) status = sender.flush();
  if (!status) return warn(what + " has failed: " + status.error(), about), false;
  ++given_;
  say(what + ": serial " + std::to_string(soa->serial) + ", " + counted(records, "record"), about);
  return true;
}

}  // namespace gl::control
