// A host in C++ that compiles a model's MoE block from its text and serves changing numbers of
// tokens, the frequent ones from CUDA graphs:
//
//   serve BLOCK.mlir TOKENS...       serve qwen3-30b-a3b.mlir 1 7 64 300 64 1
//
// Link: moec::moec (find_package) or `pkg-config moec`.
#include "driver.h"

#include <moec/moec.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

namespace {

/// One block with memory for up to `most` tokens. Smaller numbers use the front of it.
class Layer {
public:
  Layer(const Driver &driver, moec::Package package, int64_t most, Stream stream)
      : driver(driver), package(std::move(package)), stream(stream) {
    for (size_t i = 0; i < this->package.argumentCount(); ++i)
      tensors.push_back(allocate(&driver, this->package.bytes(i, most), stream));
    workspaceBytes = this->package.workspaceBytes(most); // serves every smaller number, too
    workspace = allocate(&driver, workspaceBytes, stream);
  }

  void launch(int64_t tokens) {
    package.launch(tokens, tensors.data(), tensors.size(), workspace, workspaceBytes, stream);
  }

  /// From a graph where there is one for this number, else kernel by kernel.
  const char *serve(int64_t tokens) {
    auto found = graphs.find(tokens);
    if (found == graphs.end())
      launch(tokens);
    else
      CHECK_CUDA(driver.cuGraphLaunch(found->second, stream));
    CHECK_CUDA(driver.cuStreamSynchronize(stream));
    return found == graphs.end() ? "launched" : "replayed";
  }

  void capture(int64_t tokens) {
    Graph graph = nullptr;
    GraphExec &executable = graphs[tokens];
    const int threadLocal = 1; // other threads may go on using the driver
    CHECK_CUDA(driver.cuStreamBeginCapture_v2(stream, threadLocal));
    launch(tokens); // whatever it reports, the capture stays valid
    CHECK_CUDA(driver.cuStreamEndCapture(stream, &graph));
    CHECK_CUDA(driver.cuGraphInstantiateWithFlags(&executable, graph, 0));
  }

private:
  const Driver &driver;
  moec::Package package;
  Stream stream;
  std::vector<void *> tensors; // in the order of the package's arguments
  void *workspace = nullptr;
  uint64_t workspaceBytes = 0;
  std::map<int64_t, GraphExec> graphs;
};

int run(const char *path, const std::vector<int64_t> &requests) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();

  Driver driver = openDriver();
  moec::Context context(0);
  moec_text_options options = {};
  options.name = path; // for messages
  moec::Package package = moec::Package::fromText(context, text.str(), options);
  std::printf("%s for %s: %zu variants\n", package.name().c_str(), package.target().c_str(),
              package.variants().size());

  // Everything that will be asked for is compiled, or taken from the cache, before serving starts.
  package.prepare(requests, MOEC_PREPARE_WAIT,
                  [](size_t done, size_t total) { std::printf("prepared %zu/%zu\n", done, total); });
  package.setPolicy(MOEC_POLICY_STRICT); // from here on nothing may stall
  moec_counters counters = package.counters();
  std::printf("%llu kernels compiled, %llu from the cache\n",
              static_cast<unsigned long long>(counters.compiled_kernels),
              static_cast<unsigned long long>(counters.cached_kernels));

  Stream stream = nullptr;
  CHECK_CUDA(driver.cuStreamCreate(&stream, /*CU_STREAM_NON_BLOCKING=*/1));
  int64_t most = *std::max_element(requests.begin(), requests.end());
  Layer layer(driver, std::move(package), most, stream);
  for (int64_t tokens : requests)
    if (std::count(requests.begin(), requests.end(), tokens) > 1)
      layer.capture(tokens);
  for (int64_t tokens : requests)
    std::printf("%lld tokens: %s\n", static_cast<long long>(tokens), layer.serve(tokens));
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  std::vector<int64_t> requests;
  for (int i = 2; i < argc; ++i)
    requests.push_back(std::atoll(argv[i]));
  if (requests.empty())
    return std::fprintf(stderr, "usage: serve BLOCK.mlir TOKENS...\n"), 2;
  try {
    return run(argv[1], requests);
  } catch (const moec::Error &error) { // the message says where in the text, if anywhere
    std::fprintf(stderr, "%s\n%s\n", error.what(), error.location().c_str());
    return error.status();
  }
}
