//===- Json.h - Reading JSON without trusting it --------------------------===//
//
// nlohmann::json aborts on a wrong access where exceptions are off. JsonCursor checks every access
// instead and remembers the first failure of a document with the JSON path of its value, so that a
// reader is a plain list of fields without a test after each.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_PACKAGE_JSON_H
#define MOEC_RUNTIME_PACKAGE_JSON_H

#include "runtime/Package/Expr.h"
#include "runtime/Support/Status.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace moert {

/// Keeps fields in the order in which they were added.
using Json = nlohmann::ordered_json;

/// A value inside a document, or the place where one is missing. After the first failure every
/// accessor gives a neutral value.
class JsonCursor {
public:
  /// The root of `document`; failures go to `error`. Both must outlive the cursor.
  JsonCursor(const Json &document, Status &error) : value(&document), error(&error) {}

  bool failed() const { return !error->isOk(); }
  /// Records "`path`: `message`" unless a failure is recorded already.
  void fail(std::string message) const;

  /// Fails unless this is an object that has only the named fields.
  void expectObject(std::initializer_list<std::string_view> allowed) const;
  bool isObject() const { return value && value->is_object(); }
  bool isArray() const { return value && value->is_array(); }
  bool isString() const { return value && value->is_string(); }
  bool isNumber() const { return value && value->is_number(); }

  bool has(std::string_view name) const;
  /// A field that must be there.
  JsonCursor field(std::string_view name) const;

  /// The number of elements of an array of at most `most`; 0 on failure.
  size_t arraySize(size_t most) const;
  JsonCursor element(size_t index) const;

  std::string text() const;
  bool boolean() const;
  /// An integer in [`least`, `most`].
  int64_t integer(int64_t least = INT64_MIN, int64_t most = INT64_MAX) const;
  template <typename T>
  T integerAs(int64_t least = 0, int64_t most = std::numeric_limits<T>::max()) const {
    return static_cast<T>(integer(least, most));
  }
  /// An expression: an integer, "T", or [op, a, b].
  Expr expr() const;

private:
  JsonCursor(const Json *value, Status *error, std::string path)
      : value(value), error(error), path(std::move(path)) {}
  Expr expr(unsigned depth) const;
  std::string kind() const;

  const Json *value; ///< null after a failure
  Status *error;
  std::string path;
};

/// Parses a text; InvalidInput with the position where it is no JSON.
Result<Json> parseJson(std::string_view text);

/// The JSON form of an expression.
Json toJson(const Expr &expr);

/// Text with indentation 2 in which values that fit a line of 100 columns stay on one.
std::string prettyPrint(const Json &value);

} // namespace moert

#endif // MOEC_RUNTIME_PACKAGE_JSON_H
