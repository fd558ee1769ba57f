#include "lib/services/nfs/arguments.h"

#include <array>

#include "lib/services/nfs/protocol.h"

namespace gl::nfs {
namespace {

using onc_rpc::XdrReader;

constexpr std::array<Procedure, 22> kNfs = {{
    {"", Failure::nothing},                      // NULL
    {"h", Failure::nothing},                     // GETATTR
    {"hag", Failure::wcc, true},                 // SETATTR
    {"hn"},                                      // LOOKUP
    {"hu"},                                      // ACCESS
    {"h"},                                       // READLINK
    {"hUu"},                                     // READ
    {"hUuuo", Failure::wcc, true},               // WRITE
    {"hnc", Failure::wcc, true},                 // CREATE
    {"hna", Failure::wcc, true},                 // MKDIR
    {"hnan", Failure::wcc, true},                // SYMLINK
    {"hnm", Failure::wcc, true},                 // MKNOD
    {"hn", Failure::wcc, true},                  // REMOVE
    {"hn", Failure::wcc, true},                  // RMDIR
    {"hnhn", Failure::two_wcc, true},            // RENAME
    {"hhn", Failure::attributes_and_wcc, true},  // LINK
    {"hUUu"},                                    // READDIR
    {"hUUuu"},                                   // READDIRPLUS
    {"h"},                                       // FSSTAT
    {"h"},                                       // FSINFO
    {"h"},                                       // PATHCONF
    {"hUu", Failure::wcc, true},                 // COMMIT
}};
constexpr std::array<Procedure, 6> kMount = {{
    {""},   // NULL
    {"n"},  // MNT
    {""},   // DUMP
    {"n"},  // UMNT
    {""},   // UMNTALL
    {""},   // EXPORT
}};

// What no record that is taken can hold ends the reader.
constexpr std::size_t kMaxOpaque = onc_rpc::kMaxRecord;

void skip_if(bool present, std::size_t length, XdrReader& reader) noexcept {
  if (present) reader.skip(length);
}

// sattr3 (section 2.6): mode, user, group, size, and two times that the client may give.
void skip_attributes(XdrReader& reader) noexcept {
  constexpr std::uint32_t kTimeOfClient = 2;
  for (const std::size_t length : {4u, 4u, 4u, 8u}) skip_if(reader.u32() != 0, length, reader);
  for (int i = 0; i < 2; ++i) skip_if(reader.u32() == kTimeOfClient, 8, reader);
}

// createhow3: UNCHECKED, GUARDED and EXCLUSIVE.
void skip_create_how(XdrReader& reader) noexcept {
  constexpr std::uint32_t kExclusive = 2;
  if (reader.u32() == kExclusive) return reader.skip(8);
  skip_attributes(reader);
}

// mknoddata3, by the file's type: devices, sockets and FIFOs.
void skip_special_file(XdrReader& reader) noexcept {
  const std::uint32_t type = reader.u32();
  const bool device = type == 3 || type == 4;
  if (device || type == 6 || type == 7) skip_attributes(reader);
  skip_if(device, 8, reader);
}

void skip_argument(char kind, XdrReader& reader) noexcept {
  switch (kind) {
    case 'h':
      (void)reader.opaque(kMaxHandle);
      break;
    case 'n':
    case 'o':
      (void)reader.opaque(kMaxOpaque);
      break;
    case 'U':
      reader.skip(8);
      break;
    case 'a':
      skip_attributes(reader);
      break;
    case 'g':
      skip_if(reader.u32() != 0, 8, reader);
      break;
    case 'c':
      skip_create_how(reader);
      break;
    case 'm':
      skip_special_file(reader);
      break;
    default:
      reader.skip(4);
  }
}

}  // namespace

const Procedure* nfs_procedure(std::uint32_t number) noexcept {
  return number < kNfs.size() ? &kNfs[number] : nullptr;
}

const Procedure* mount_procedure(std::uint32_t number) noexcept {
  return number < kMount.size() ? &kMount[number] : nullptr;
}

void skip_arguments(std::string_view arguments, XdrReader& reader) noexcept {
  for (const char kind : arguments) skip_argument(kind, reader);
}

}  // namespace gl::nfs
