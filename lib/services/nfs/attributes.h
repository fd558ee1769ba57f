// What is said of a file, and what a caller may do with it.
// Byte order: written as on the wire. Ownership: borrows nodes. Thread: pure functions. Errors: the writer's own.
// Source: RFC 1813 sections 2.6 (fattr3, post_op_attr, wcc_data) and 3.3.4.
#pragma once

#include <cstdint>

#include "lib/files/tree.h"
#include "lib/services/onc_rpc/message.h"
#include "lib/services/onc_rpc/xdr.h"

namespace gl::nfs {

inline constexpr std::size_t kAttributesSize = 84;
inline constexpr std::size_t kPostOpSize = 4 + kAttributesSize;

// The file system is the tree, by the number of its root; the time of the last access is that of the last change.
void write_attributes(onc_rpc::XdrWriter& out, const files::Node& node) noexcept;
// Null: they are left out.
void write_post_op(onc_rpc::XdrWriter& out, const files::Node* node) noexcept;
// Nothing was changed, so nothing is said of before.
void write_wcc(onc_rpc::XdrWriter& out, const files::Node* node) noexcept;

// By the file's mode, and by who the caller says he is: root may read everything, who says nothing is another one.
[[nodiscard]] bool may_read(const files::Node& node, const onc_rpc::Caller& caller) noexcept;
[[nodiscard]] bool may_execute(const files::Node& node, const onc_rpc::Caller& caller) noexcept;
// The bits of ACCESS, of those that were asked for.
[[nodiscard]] std::uint32_t access_of(const files::Node& node, const onc_rpc::Caller& caller,
                                      std::uint32_t wanted) noexcept;

}  // namespace gl::nfs
