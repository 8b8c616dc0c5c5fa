#!/usr/bin/env python3
"""Compiles CUDA files through NVRTC as the runtime does: no include path but compiler/Device.

usage: nvrtc_compile.py [--arch sm_90a] [--ptx] [--max-spills N] FILE.cu ...

Prints registers, spills and shared memory per kernel; fails on an error or on spills above the limit.
Needs libnvrtc only, no GPU.
"""
import argparse, ctypes, glob, os, re, sys, time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "compiler", "Device")


def load():
    names = [os.environ.get("MOEC_NVRTC", ""), "libnvrtc.so.13", "libnvrtc.so.12"]
    names += sorted(glob.glob("/usr/local/cuda*/lib*/libnvrtc.so*"))
    for name in filter(None, names):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    sys.exit("no libnvrtc found; set MOEC_NVRTC to its path")


def compile_one(lib, path, arch):
    def check(rc, what):
        if rc:
            sys.exit(f"{what}: nvrtc error {rc}")

    def text(size_fn, get_fn):
        n = ctypes.c_size_t()
        getattr(lib, size_fn)(program, ctypes.byref(n))
        buf = ctypes.create_string_buffer(max(n.value, 1))
        getattr(lib, get_fn)(program, buf)
        return buf.raw[: n.value]

    headers = sorted(glob.glob(os.path.join(ROOT, "**", "*.cuh"), recursive=True))
    names = [os.path.relpath(h, ROOT).encode() for h in headers]
    bodies = [open(h, "rb").read() for h in headers]
    program = ctypes.c_void_p()
    array = ctypes.c_char_p * len(headers)
    check(lib.nvrtcCreateProgram(ctypes.byref(program), open(path, "rb").read(), path.encode(),
                                 len(headers), array(*bodies), array(*names)), "create")
    options = [f"--gpu-architecture={arch}", "-std=c++20", "-default-device",
               "--ptxas-options=-v"]
    start = time.time()
    rc = lib.nvrtcCompileProgram(program, len(options),
                                 (ctypes.c_char_p * len(options))(*[o.encode() for o in options]))
    seconds = time.time() - start
    log = text("nvrtcGetProgramLogSize", "nvrtcGetProgramLog").decode(errors="replace")
    cubin = text("nvrtcGetCUBINSize", "nvrtcGetCUBIN") if rc == 0 else b""
    ptx = text("nvrtcGetPTXSize", "nvrtcGetPTX") if rc == 0 else b""
    return rc, log, cubin, ptx, seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", default="sm_90a")
    parser.add_argument("--ptx", action="store_true", help="print the PTX")
    parser.add_argument("--max-spills", type=int, default=0, help="bytes")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    lib, bad = load(), 0
    for path in args.files:
        rc, log, cubin, ptx, seconds = compile_one(lib, path, args.arch)
        spills = sum(int(n) for n in re.findall(r"(\d+) bytes spill stores", log))
        registers = re.findall(r"Used (\d+) registers", log)
        print(f"{path} {args.arch}: {'ok' if rc == 0 else 'FAILED'} {seconds:.2f} s, "
              f"cubin {len(cubin)} bytes, registers {','.join(registers)}, spills {spills}")
        if args.ptx:
            print(ptx.decode())
        if rc or spills > args.max_spills:
            bad = 1
            print(log)
    return bad


sys.exit(main())
