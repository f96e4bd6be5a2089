/* SPDX-License-Identifier: Apache-2.0 */
/* op_samples_index.c: gathering and scattering by index, scans, orders, recurrence, sums by letter, transforms; see op_sample.h for the notation.
 * Made-up indices are -15 to 15. */
#include "op_samples.h"

#include <stddef.h>

const char *const op_samples_index[] = {
    "gather_elements 16x3 i64:5x3", "gather_elements 2x17x3 i32:2x4x2 axis=-2", "gather_elements i64:16 i64:9",
    "gather_elements 3x4@special i64:0x4; add _ 1",
    "gather_nd 16x3 i64:5x1", "gather_nd 16x17x3 i64:4x2", "gather_nd 2x16x3@special i32:2x5x1 batch=1", "gather_nd i64:16x17 i64:2",
    "scatter_elements 16x3 i64:5x3 5x3", "scatter_elements 2x17x3@special i32:2x4x2 2x4x2 axis=1 reduction=1",
    "scatter_elements 5 i64[1,-1,1] 3 reduction=2",
    "scatter_elements i64:16 i64:9 i64:9 reduction=3", "scatter_elements u8:16 i64:9 u8:9 reduction=4",
    "scatter_nd 16x3 i64:5x1 5x3", "scatter_nd 16x17x3 i64:4x2 4x3@special reduction=1", "scatter_nd 16x3 i32:5x1 5x3 reduction=3",
    "scatter_nd i32:16 i64:7x1 i32:7 reduction=2", "scatter_nd 16x3@special i64:5x1 5x3 reduction=4",
    "non_zero 3x5@few", "non_zero bool:2x3x4", "non_zero i64:9", "non_zero scalar", "non_zero 0x3",
    "compress 4x5 bool[1,0,1] axis=0", "compress 2x17x3 bool[0,1,1,0,1] axis=-2", "compress i64:3 bool[0,0,0] axis=0",
    "one_hot i64:7 i64(16) f32[0,1]", "one_hot i32:2x3 i64(4) f32[-1,2] axis=1", "one_hot 3x5@big f32(8) i64[3,5] axis=0",
    "one_hot i64(2) i64(3) f32[0,1]",
    "cum_sum 2x17x3 axis=1", "cum_sum 2x17x3 i64(-1)", "cum_sum 67@pos axis=0 exclusive=1", "cum_sum i32:3x5 axis=1 reverse=1",
    "cum_sum f64:9 axis=0 reverse=1 exclusive=1",
    "cum_prod 2x17x3@pos axis=0", "cum_prod 9 i32(0)", "cum_prod i64:5x4 axis=0 exclusive=1 reverse=1", "cum_prod 2x5 axis=1 reverse=1",
    "top_k 2x17x3 axis=1 k=5 largest=1 sorted=1 outputs=2", "top_k 67@few i64(9) outputs=2",
    "top_k 5x67@special axis=-1 k=20 sorted=1 outputs=2",
    "top_k i64:31 axis=0 k=31 largest=1 sorted=1 outputs=2", "top_k u8:31 i64(0)", "top_k 5x7 i64(2)",
    "trilu 5x4", "trilu 2x4x5@special i64(1)", "trilu i64:5x5 upper=0 k=-1", "trilu bool:3x7 upper=0 k=2", "trilu 3x4 upper=1 k=-9",
    "unique i64:31 axis=0 sorted=1 outputs=4", "unique 40@few axis=0 outputs=4", "unique 9x2@few axis=0 sorted=1 outputs=4",
    "unique 2x9@few axis=1 outputs=4",
    "unique 67@special axis=0 sorted=1 outputs=2", "unique bool:7",
    "reverse_sequence 4x3x2 i64[4,0,2]", "reverse_sequence 3x5 i64[1,5,3] batch=0 time=1", "reverse_sequence i64:4x2 i32[3,1]",
    "lstm 4x2x3 1x20x3 1x20x5 outputs=3", "lstm 4x2x3 2x20x3 2x20x5 2x40 i32[4,2] 2x2x5 2x2x5 2x15 direction=2 outputs=3",
    "lstm 2x4x3 1x20x3 1x20x5 1x40 - 2x1x5 layout=1 clip=0.5 input_forget=1 outputs=3", "gru 4x2x3 1x15x3 1x15x5 1x30 outputs=2",
    "gru 4x2x3 2x15x3 2x15x5 2x30 i32[0,3] 2x2x5 direction=2 linear_before_reset=1 outputs=2",
    "rnn 4x2x3 1x5x3 1x5x5 direction=1 outputs=2",
    "rnn 4x2x3 1x5x3 1x5x5 1x10 activation=1",
    "lstm 3x1x4 2x68x4 2x68x17 2x136 - 2x1x17 2x1x17 direction=2 outputs=3", "lstm 0x2x3 1x20x3 1x20x5 1x40 - 1x2x5 1x2x5 outputs=3",
    "lstm 4x2x3 2x20x3 2x20x5 2x40 i32[4,2] 2x2x5 2x2x5 direction=2 outputs=3",
    "lstm 2x4x3 1x20x3 1x20x5 1x40 i32[0,4] layout=1 direction=1 outputs=3",
    "gru 3x3x4 2x51x4 2x51x17 2x102 - 2x3x17 direction=2 linear_before_reset=1 outputs=2", "gru 3x1x4 2x51x4 2x51x17 direction=2 outputs=2",
    "rnn 3x7x4 2x33x4 2x33x33 2x66 - 2x7x33 direction=2 outputs=2",
    "einsum 3x4 4x5 equation=ij,jk->ik", "einsum 2x3x4 2x4x5 equation=...ij,...jk", "einsum 4x4 equation=ii->i", "einsum 3x4 equation=ij->",
    "einsum i64:3 i64:4 equation=i,j",
    "einsum 2x3 3x4 4x2 equation=ab,bc,ca->a", "einsum 2x3x5@odd 5 equation=...d,d->...", "det 3x3", "det 2x4x4", "det f64:1x1",
    "dft 2x8x1 axis=1", "dft 5x2 axis=0 length=7", "dft 3x6x1 i64(5) i64(1) onesided=1", "dft 2x4x2 axis=1 inverse=1 onesided=1",
    "dft 2x5x2 axis=-2 inverse=1",
    NULL,
};
