//===- Handles.h - What is behind the types of moec.h ---------------------===//

#ifndef MOEC_RUNTIME_API_HANDLES_H
#define MOEC_RUNTIME_API_HANDLES_H

#include "runtime/Api/moec.h"
#include "runtime/Serve/ServedBlock.h"

struct moec_error {
  moert::Status status;
  std::string location;
};
struct moec_context {
  std::shared_ptr<const moert::cuda::Device> device;
  std::shared_ptr<moert::Workers> workers; ///< of all packages of the context
  std::shared_ptr<moert::Workers> tuners;  ///< one thread: searches must not disturb each other
};
struct moec_package {
  std::shared_ptr<moert::ServedBlock> block;
};

namespace moert::api {

/// Hands a Status to the caller.
moec_status report(Status status, moec_error **error, std::string location = "");
/// The failure of a call that got a null pointer for a parameter that needs one.
Status nullParameter(const char *call, const char *parameter);

/// Usage where the first member of a structure of the caller is no size that one of `type` had, in
/// this version of the interface or an older one; `known` is that of this version.
Status checkStructSize(size_t size, size_t known, const char *type);

} // namespace moert::api

#define MOEC_REQUIRE(parameter)                                                                    \
  if (!(parameter))                                                                                \
  return moert::api::report(moert::api::nullParameter(__func__, #parameter), error)
/// The same of an array, which may be null where it has no elements.
#define MOEC_REQUIRE_ARRAY(parameter, count)                                                       \
  if (!(parameter) && (count) != 0)                                                                \
  return moert::api::report(moert::api::nullParameter(__func__, #parameter), error)

#endif // MOEC_RUNTIME_API_HANDLES_H
