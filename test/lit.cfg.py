"""The lit suites: one folder per folder of the source tree.

Features a test can require:
  nvrtc        an NVRTC library was found, so generated CUDA can be compiled
  nvcc         the toolkit's compiler is there, on PATH or in CUDA_HOME
  numpy        the Python that runs lit has NumPy
  cuda-device  a GPU and its driver are there, so kernels can be run
"""

import ctypes
import importlib.util
import os
import shutil
import sys

import lit.formats

config.name = "moec"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "unit", "device", "gpu", "bench"]
config.test_source_root = os.path.dirname(__file__)

config.environment["PATH"] = os.pathsep.join(
    [config.moec_tools_dir, config.llvm_tools_dir, config.environment.get("PATH", "")]
)
# %rc N COMMAND: succeeds where the command exits with N, which `not` cannot tell from a crash.
config.substitutions += [
    ("%python", sys.executable),
    ("%moec_tools", config.moec_tools_dir),
    ("%rc", "sh " + os.path.join(config.test_source_root, "rc.sh")),
]
config.substitutions.append(("%moec_source", config.moec_source_dir))
config.substitutions.append(("%examples", os.path.join(config.moec_source_dir, "examples")))


def can_load(*names):
    for name in filter(None, names):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


if can_load(
    os.environ.get("MOEC_NVRTC"), "libnvrtc.so.13", "libnvrtc.so.12",
    "/usr/local/cuda/lib64/libnvrtc.so.13",
):
    config.available_features.add("nvrtc")

toolkit = os.environ.get("CUDA_HOME", "/usr/local/cuda")
nvcc = shutil.which("nvcc") or shutil.which("nvcc", path=os.path.join(toolkit, "bin"))
if nvcc:
    config.available_features.add("nvcc")
    config.substitutions.append(("%nvcc", nvcc))

if importlib.util.find_spec("numpy"):
    config.available_features.add("numpy")

driver = can_load("libcuda.so.1")
count = ctypes.c_int(0)
if driver and driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
    if count.value > 0:
        config.available_features.add("cuda-device")

# A kernel cache for this run alone, empty at its start: no test reads or writes the user's.
cache = os.path.join(config.test_exec_root, "kernel-cache")
shutil.rmtree(cache, ignore_errors=True)
config.environment["MOEC_CACHE_DIR"] = cache
# Two toolkits that compile nothing; test/unit/CompilerCache/StubNvrtc.cpp says what they do.
for number, version in ("13", "13.0.88"), ("12", "12.9.41"):
    library = os.path.join(config.moec_library_dir, "libstubnvrtc-%s.so" % version)
    config.substitutions.append(("%stub_nvrtc_" + number, library))
config.substitutions.append(("%stub_cuda", os.path.join(config.moec_library_dir, "libstubcuda.so")))

for name in ("MOEC_NVRTC", "MOEC_LIBCUDA", "CUDA_HOME", "HOME"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
