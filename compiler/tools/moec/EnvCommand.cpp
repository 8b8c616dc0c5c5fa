//===- EnvCommand.cpp - moec env ---------------------------------------------===//
//
// What a bug report needs: versions, what was found and loaded, devices, settings. A part that
// cannot be had is reported as such; the command goes on.
//
//===----------------------------------------------------------------------===//

#include "compiler/Cache/BuildId.h"
#include "compiler/Inputs/Inputs.h"
#include "compiler/tools/moec/Options.h"

#include "runtime/Cache/Cache.h"
#include "runtime/Cuda/Device.h"
#include "runtime/Jit/NvrtcCompiler.h"
#include "runtime/Package/Manifest.h"
#include "runtime/Support/Env.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

#include <map>
#include <thread>

using namespace llvm;

namespace moec::cli {

static cl::opt<bool> asJson("json", cl::sub(envCommand()), cl::cat(category()),
                            cl::desc("print JSON"));

static json::Object describeHost() {
  return json::Object{{"triple", sys::getDefaultTargetTriple()},
                      {"cpu", sys::getHostCPUName()},
                      {"cores", int64_t(std::thread::hardware_concurrency())},
                      {"available_memory_bytes", int64_t(availableMemory())}};
}

static json::Object describeNvrtc() {
  auto compiler = moert::NvrtcCompiler::load();
  if (!compiler)
    return json::Object{{"found", false}, {"reason", compiler.status().message()}};
  json::Array architectures;
  for (int architecture : compiler->architectures())
    architectures.push_back(architecture);
  return json::Object{{"found", true},
                      {"path", compiler->path()},
                      {"version", formatv("{0}.{1}", compiler->majorVersion(),
                                          compiler->minorVersion())
                                      .str()},
                      {"architectures", std::move(architectures)}};
}

static json::Object describeCache() {
  json::Object report{{"path", json::fixUTF8(cacheDirectory())}};
  auto options = moert::cacheOptionsFromEnvironment();
  if (options)
    report["limit_bytes"] = int64_t(options->limitBytes);
  else
    report["reason"] = json::fixUTF8(options.status().message());
  return report;
}

static json::Object describeDriver() {
  auto api = moert::cuda::DriverApi::load();
  if (!api)
    return json::Object{{"found", false}, {"reason", api.status().message()}};
  int version = (*api)->version; // 1000 * major + 10 * minor
  return json::Object{{"found", true},
                      {"path", (*api)->path},
                      {"cuda_version", formatv("{0}.{1}", version / 1000, version % 1000 / 10).str()}};
}

static json::Array describeDevices() {
  json::Array devices;
  for (int ordinal = 0, count = moert::cuda::Device::count(); ordinal < count; ++ordinal) {
    auto device = moert::cuda::Device::open(ordinal);
    if (!device) {
      devices.push_back(json::Object{{"ordinal", ordinal}, {"reason", device.status().message()}});
      continue;
    }
    const moert::cuda::DeviceProperties &properties = (*device)->properties();
    devices.push_back(json::Object{{"ordinal", ordinal},
                                   {"name", properties.name},
                                   {"architecture", (*device)->architecture()},
                                   {"multiprocessors", properties.smCount},
                                   {"memory_bytes", int64_t(properties.memoryBytes)},
                                   {"l2_bytes", int64_t(properties.l2Bytes)}});
  }
  return devices;
}

static json::Array describeVariables() {
  json::Array variables;
  for (const moert::EnvVarInfo &info : moert::environmentTable()) {
    std::optional<std::string> value = moert::readEnv(info.variable);
    json::Value text = nullptr;
    if (value)
      text = json::fixUTF8(*value);
    variables.push_back(
        json::Object{{"name", StringRef(info.name)},
                                     {"value", std::move(text)},
                                     {"use", StringRef(info.description)}});
  }
  return variables;
}

static void printSection(raw_ostream &os, StringRef title, const json::Object &fields) {
  os << title << ":\n";
  std::map<StringRef, const json::Value *> sorted;
  for (const auto &[key, value] : fields)
    sorted[key] = &value;
  for (auto [key, value] : sorted) {
    os << "  " << key << ": ";
    if (auto text = value->getAsString())
      os << *text << '\n';
    else
      os << *value << '\n';
  }
}

static void printText(raw_ostream &os, const json::Object &report) {
  for (StringRef title : {"moec", "host", "cache", "nvrtc", "driver"})
    printSection(os, title, *report.getObject(title));
  const json::Array &devices = *report.getArray("devices");
  if (devices.empty())
    os << "devices: none\n";
  for (const json::Value &device : devices)
    printSection(os, "device", *device.getAsObject());
  os << "environment:\n";
  for (const json::Value &value : *report.getArray("environment")) {
    const json::Object &variable = *value.getAsObject();
    os << formatv("  {0,-17} {1,-16} {2}\n", *variable.getString("name"),
                  variable.getString("value").value_or("(unset)"), *variable.getString("use"));
  }
}

int runEnv() {
  json::Object report{{"moec", json::Object{{"version", MOEC_VERSION},
                                            {"llvm", LLVM_VERSION_STRING},
                                            {"build", buildId()},
                                            {"package_format", moert::kPackageFormatVersion}}},
                      {"host", describeHost()},
                      {"cache", describeCache()},
                      {"nvrtc", describeNvrtc()},
                      {"driver", describeDriver()},
                      {"devices", describeDevices()},
                      {"environment", describeVariables()}};
  if (asJson)
    outs() << formatv("{0:2}\n", json::Value(std::move(report)));
  else
    printText(outs(), report);
  return 0;
}

} // namespace moec::cli
