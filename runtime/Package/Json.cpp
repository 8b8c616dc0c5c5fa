//===- Json.cpp - Reading JSON without trusting it ------------------------===//

#include "runtime/Package/Json.h"

#include "runtime/Support/Text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moert {

/// How deep operations of an expression may nest in a file; bounds the recursion of the reader.
static constexpr unsigned kMaxExprNesting = 64;

void JsonCursor::fail(std::string message) const {
  if (error->isOk())
    *error =
        Status(StatusCode::InvalidInput, fmt::format("{}: {}", path.empty() ? "/" : path, message));
}

std::string JsonCursor::kind() const {
  if (!value)
    return "nothing";
  if (value->is_string() || value->is_number() || value->is_boolean())
    return shortened(value->dump(-1, ' ', true, Json::error_handler_t::replace));
  return value->is_null() ? "null" : fmt::format("an {}", value->type_name());
}

void JsonCursor::expectObject(std::initializer_list<std::string_view> allowed) const {
  if (!value)
    return;
  if (!value->is_object())
    return fail(fmt::format("expects an object, but got {}", kind()));
  for (auto it = value->begin(); it != value->end(); ++it)
    if (std::find(allowed.begin(), allowed.end(), it.key()) == allowed.end())
      return fail(fmt::format("has an unknown field '{}'", it.key()));
}

bool JsonCursor::has(std::string_view name) const {
  return isObject() && value->find(std::string(name)) != value->end();
}

JsonCursor JsonCursor::field(std::string_view name) const {
  JsonCursor missing(nullptr, error, fmt::format("{}/{}", path, name));
  if (!value)
    return missing;
  if (!value->is_object()) {
    fail(fmt::format("expects an object, but got {}", kind()));
    return missing;
  }
  auto it = value->find(std::string(name));
  if (it == value->end()) {
    fail(fmt::format("expects a field '{}'", name));
    return missing;
  }
  return JsonCursor(&*it, error, missing.path);
}

size_t JsonCursor::arraySize(size_t most) const {
  if (!value)
    return 0;
  if (!value->is_array()) {
    fail(fmt::format("expects an array, but got {}", kind()));
    return 0;
  }
  if (value->size() > most) {
    fail(fmt::format("expects at most {} elements, but got {}", most, value->size()));
    return 0;
  }
  return value->size();
}

JsonCursor JsonCursor::element(size_t index) const {
  std::string where = fmt::format("{}/{}", path, index);
  if (!isArray() || index >= value->size()) {
    fail(fmt::format("expects an element {}", index));
    return JsonCursor(nullptr, error, std::move(where));
  }
  return JsonCursor(&(*value)[index], error, std::move(where));
}

std::string JsonCursor::text() const {
  if (!value)
    return {};
  if (const auto *text = value->get_ptr<const Json::string_t *>())
    return *text;
  fail(fmt::format("expects a string, but got {}", kind()));
  return {};
}

bool JsonCursor::boolean() const {
  if (!value)
    return false;
  if (const auto *flag = value->get_ptr<const Json::boolean_t *>())
    return *flag;
  fail(fmt::format("expects true or false, but got {}", kind()));
  return false;
}

int64_t JsonCursor::integer(int64_t least, int64_t most) const {
  if (!value)
    return std::clamp<int64_t>(0, least, most);
  // A literal beyond the signed range is kept as unsigned, one beyond that as a float.
  bool fits = value->is_number_integer() &&
              !(value->is_number_unsigned() &&
                *value->get_ptr<const Json::number_unsigned_t *>() > uint64_t(INT64_MAX));
  int64_t number = fits ? *value->get_ptr<const Json::number_integer_t *>() : 0;
  if (fits && number >= least && number <= most)
    return number;
  if (least == INT64_MIN && most == INT64_MAX)
    fail(fmt::format("expects an integer of 64 bits, but got {}", kind()));
  else
    fail(fmt::format("expects an integer from {} to {}, but got {}", least, most, kind()));
  return std::clamp<int64_t>(0, least, most);
}

Expr JsonCursor::expr() const {
  Expr result = expr(0);
  if (!failed() && result.isTooDeep())
    fail("expects a simpler expression");
  return failed() ? Expr(0) : result;
}

Expr JsonCursor::expr(unsigned depth) const {
  if (failed() || !value)
    return Expr(0);
  if (depth > kMaxExprNesting) {
    fail("expects a simpler expression");
    return Expr(0);
  }
  if (value->is_number())
    return Expr(integer());
  if (value->is_string()) {
    if (text() == "T")
      return Expr::tokens();
    fail(fmt::format("expects a number, \"T\" or [op, a, b], but got {}", kind()));
    return Expr(0);
  }
  if (!value->is_array() || value->size() != 3) {
    fail(fmt::format("expects a number, \"T\" or [op, a, b], but got {}", kind()));
    return Expr(0);
  }
  std::string opName = element(0).text();
  if (failed())
    return Expr(0);
  for (unsigned op = static_cast<unsigned>(Expr::Op::Add);
       op <= static_cast<unsigned>(Expr::Op::Max); ++op)
    if (name(static_cast<Expr::Op>(op)) == opName)
      return Expr::binary(static_cast<Expr::Op>(op), element(1).expr(depth + 1),
                          element(2).expr(depth + 1));
  element(0).fail(fmt::format("expects add, sub, mul, floordiv, ceildiv, mod, min or max, but got "
                              "'{}'",
                              opName));
  return Expr(0);
}

Result<Json> parseJson(std::string_view text) {
  Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded())
    return Status(StatusCode::InvalidInput, "is not JSON");
  return document;
}

Json toJson(const Expr &expr) {
  std::vector<Json> stack;
  for (const Expr::Step &step : expr.program()) {
    if (step.op == Expr::Op::Constant) {
      stack.push_back(step.value);
    } else if (step.op == Expr::Op::Tokens) {
      stack.push_back("T");
    } else {
      Json rhs = std::move(stack.back());
      stack.pop_back();
      Json &lhs = stack.back();
      Json combined = Json::array();
      combined.push_back(std::string(name(step.op)));
      combined.push_back(std::move(lhs));
      combined.push_back(std::move(rhs));
      lhs = std::move(combined);
    }
  }
  return std::move(stack[0]);
}

static std::string oneLine(const Json &value) {
  // Spaces after separators, as a person would write it.
  if (value.is_array()) {
    std::string text = "[";
    for (const Json &element : value)
      text += (text.size() > 1 ? ", " : "") + oneLine(element);
    return text + "]";
  }
  if (value.is_object()) {
    std::string text = "{";
    for (auto it = value.begin(); it != value.end(); ++it)
      text += (text.size() > 1 ? ", " : "") + Json(it.key()).dump() + ": " + oneLine(it.value());
    return text + "}";
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

static void print(const Json &value, size_t indent, size_t column, std::string &out) {
  constexpr size_t kWidth = 100;
  std::string line = oneLine(value);
  if (!value.is_structured() || value.empty() || column + line.size() <= kWidth) {
    out += line;
    return;
  }
  std::string inner(indent + 2, ' ');
  bool first = true;
  out += value.is_array() ? "[\n" : "{\n";
  for (auto it = value.begin(); it != value.end(); ++it) {
    if (!first)
      out += ",\n";
    first = false;
    out += inner;
    std::string key = value.is_object() ? Json(it.key()).dump() + ": " : "";
    out += key;
    print(*it, indent + 2, indent + 2 + key.size() + 1, out);
  }
  out += "\n" + std::string(indent, ' ') + (value.is_array() ? "]" : "}");
}

std::string prettyPrint(const Json &value) {
  std::string out;
  print(value, 0, 0, out);
  out += "\n";
  return out;
}

} // namespace moert
