// RUN: moe-opt %s --cpu-register-tiles | FileCheck %s

#row = affine_map<(i, j, g, l) -> (i, g, l)>
#weight = affine_map<(i, j, g, l) -> (j, g, l)>
#sum = affine_map<(i, j, g, l) -> (i, j, l)>

// CHECK-LABEL: func.func @tile
//  CHECK-SAME:     %[[R:.*]]: memref<2x5x8xf32>, %[[W:.*]]: memref<3x5x8xf32>, %[[S:.*]]: memref<2x3x8xf32>
// CHECK-COUNT-6: vector.load %[[S]]
//       CHECK: scf.for %[[G:.*]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK-COUNT-2:   vector.load %[[R]][%{{.*}}, %[[G]], %{{.*}}]
//       CHECK:     vector.load %[[W]][%{{.*}}, %[[G]], %{{.*}}]
// CHECK-COUNT-2:   vector.fma
//       CHECK:     vector.load %[[W]]
// CHECK-COUNT-2:   vector.fma
//       CHECK:     vector.load %[[W]]
// CHECK-COUNT-2:   vector.fma
//       CHECK:     scf.yield
// CHECK-COUNT-6: vector.store %{{.*}}, %[[S]]
//   CHECK-NOT: linalg.generic
func.func @tile(%r: memref<2x5x8xf32>, %w: memref<3x5x8xf32>, %s: memref<2x3x8xf32>) {
  linalg.generic {indexing_maps = [#row, #weight, #sum],
                  iterator_types = ["parallel", "parallel", "reduction", "parallel"]}
      ins(%r, %w : memref<2x5x8xf32>, memref<3x5x8xf32>) outs(%s : memref<2x3x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %p = arith.mulf %a, %b fastmath<contract> : f32
      %q = arith.addf %c, %p fastmath<contract> : f32
      linalg.yield %q : f32
  }
  return
}

// CHECK-LABEL: func.func @lanes
//       CHECK: scf.for
//       CHECK:   scf.for
//       CHECK:     %[[V:.*]] = vector.load %{{.*}} : memref<?x?x16xf32>, vector<16xf32>
//       CHECK:     %[[B:.*]] = memref.load
//       CHECK:     %[[T:.*]] = vector.reduction <add>, %[[V]], %[[B]] fastmath<reassoc> : vector<16xf32> into f32
//       CHECK:     memref.store %[[T]]
func.func @lanes(%l: memref<?x?x16xf32>, %s: memref<?x?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j, l) -> (i, j, l)>, affine_map<(i, j, l) -> (i, j)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%l : memref<?x?x16xf32>) outs(%s : memref<?x?xf32>) {
    ^bb0(%a: f32, %b: f32):
      %q = arith.addf %b, %a fastmath<reassoc> : f32
      linalg.yield %q : f32
  }
  return
}

// Other bodies, other maps and rows of unknown stride are not these forms.
// CHECK-LABEL: func.func @others
// CHECK-COUNT-3: linalg.generic
func.func @others(%r: memref<2x5x8xf32>, %w: memref<3x5x8xf32>, %s: memref<2x3x8xf32>,
                  %t: memref<2x3x8xf32, strided<[48, 16, 2]>>) {
  linalg.generic {indexing_maps = [#row, #weight, #sum],
                  iterator_types = ["parallel", "parallel", "reduction", "parallel"]}
      ins(%r, %w : memref<2x5x8xf32>, memref<3x5x8xf32>) outs(%s : memref<2x3x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %p = arith.mulf %a, %b : f32
      %q = arith.maximumf %c, %p : f32
      linalg.yield %q : f32
  }
  linalg.generic {indexing_maps = [#weight, #row, #sum],
                  iterator_types = ["parallel", "parallel", "reduction", "parallel"]}
      ins(%w, %r : memref<3x5x8xf32>, memref<2x5x8xf32>) outs(%s : memref<2x3x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %p = arith.mulf %a, %b : f32
      %q = arith.addf %c, %p : f32
      linalg.yield %q : f32
  }
  linalg.generic {indexing_maps = [#row, #weight, #sum],
                  iterator_types = ["parallel", "parallel", "reduction", "parallel"]}
      ins(%r, %w : memref<2x5x8xf32>, memref<3x5x8xf32>) outs(%t : memref<2x3x8xf32, strided<[48, 16, 2]>>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %p = arith.mulf %a, %b : f32
      %q = arith.addf %c, %p : f32
      linalg.yield %q : f32
  }
  return
}
