# Sourced by examples/quickstart.sh and test/run.sh: what both need on a fresh Debian 12 machine.
#
#   moec_install_packages   compilers and libraries, by package name, only what is missing
#   moec_find_nvrtc         exports MOEC_NVRTC where NVRTC is not found by itself
#   moec_build TARGET...    configures and builds into $MOEC_BUILD
#
# Both scripts may be run again at any time; what is done already costs nothing.

MOEC_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
MOEC_BUILD=${MOEC_BUILD:-$MOEC_SOURCE/build}
MOEC_PACKAGES=(
  clang-22 lld-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools libomp-22-dev libclang-rt-22-dev
  cmake ninja-build ccache pkg-config
  libfmt-dev nlohmann-json3-dev libxxhash-dev libzstd-dev zlib1g-dev libgtest-dev
  python3 python3-numpy xz-utils
)
# NVIDIA's own wheel of the run-time compiler: two libraries, no toolkit.
MOEC_NVRTC_WHEEL='nvidia-cuda-nvrtc==13.0.*'

moec_say() { printf '== %s\n' "$*"; }
moec_die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# The names among "$@" that are not installed.
moec_missing_packages() {
  local name
  for name in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
  done
}

moec_apt_install() {
  local missing as_root=()
  mapfile -t missing < <(moec_missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || moec_die "these packages are missing, and there is no sudo to install them: ${missing[*]}"
    as_root=(sudo)
  fi
  moec_say "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

moec_install_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    moec_say "no apt-get here: expecting these to be installed by other means: ${MOEC_PACKAGES[*]}"
    return 0
  fi
  moec_apt_install "${MOEC_PACKAGES[@]}" || moec_die "apt-get could not install the packages"
}

# Whether a shared library can be loaded: as $1, by the loader's own search where $1 is a soname.
moec_can_load() { python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" 2>/dev/null; }

# NVRTC comes from $MOEC_NVRTC, the loader's search path, a toolkit, or a wheel below the build
# folder. MOEC_NVRTC_STATE says in words what was found; non-zero where there is none.
moec_find_nvrtc() {
  local name folder wheel="$MOEC_BUILD/nvrtc"
  if [ -n "${MOEC_NVRTC:-}" ]; then
    MOEC_NVRTC_STATE="NVRTC from MOEC_NVRTC=$MOEC_NVRTC"
    return 0
  fi
  for name in libnvrtc.so.13 libnvrtc.so.12; do
    moec_can_load "$name" && { MOEC_NVRTC_STATE="NVRTC from the loader's search path"; return 0; }
  done
  for folder in "${CUDA_HOME:-}" "${CUDA_PATH:-}" /usr/local/cuda; do
    for name in "$folder"/lib64/libnvrtc.so.1[23]; do
      [ -n "$folder" ] && [ -e "$name" ] && { MOEC_NVRTC_STATE="NVRTC from $folder"; return 0; }
    done
  done
  if ! ls "$wheel"/nvidia/*/lib/libnvrtc.so.13 >/dev/null 2>&1; then
    command -v apt-get >/dev/null && moec_apt_install python3-pip
    moec_say "no CUDA toolkit here: fetching $MOEC_NVRTC_WHEEL from PyPI into $wheel"
    rm -rf "$wheel.partial"
    mkdir -p "$(dirname "$wheel")"
    if python3 -m pip install -q --no-cache-dir --disable-pip-version-check --root-user-action=ignore --target "$wheel.partial" "$MOEC_NVRTC_WHEEL"; then
      rm -rf "$wheel"
      mv "$wheel.partial" "$wheel"
    else
      rm -rf "$wheel.partial"
    fi
  fi
  for name in "$wheel"/nvidia/*/lib/libnvrtc.so.13; do
    [ -e "$name" ] || continue
    export MOEC_NVRTC=$name
    MOEC_NVRTC_STATE="NVRTC from the wheel in $wheel"
    return 0
  done
  MOEC_NVRTC_STATE="no CUDA toolkit, and no NVRTC from PyPI"
  return 1
}

# Whether the driver reports a GPU.
moec_has_gpu() {
  python3 - <<'EOF' 2>/dev/null
import ctypes, sys
cuda, count = ctypes.CDLL("libcuda.so.1"), ctypes.c_int()
sys.exit(cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value < 1)
EOF
}

moec_build() {
  local log=$MOEC_BUILD/configure.log
  mkdir -p "$MOEC_BUILD"
  if ! cmake -G Ninja -S "$MOEC_SOURCE" -B "$MOEC_BUILD" >"$log" 2>&1; then
    cat "$log" >&2
    moec_die "cmake could not configure the build"
  fi
  ninja -C "$MOEC_BUILD" "$@" || moec_die "the build failed"
}
