/* Loops around the kernels of ggml, so that the baseline pays for no Python call a row.

   Compiled with -O2 -ffp-contract=off and without fast-math: the fold below is strict, each product and each sum is
   rounded once, from left to right. */
#include <stddef.h>
#include <stdint.h>

enum { BLOCK = 256 };

typedef void (*dot_fn)(int n, float *out, size_t, const void *row, size_t, const void *activation, size_t, int one);
typedef void (*decode_fn)(const void *blocks, float *weights, int64_t n);

/* Path B: the dot product of each row of n weights with one Q8_K activation. */
void dot_rows(dot_fn dot, const uint8_t *rows, int64_t count, int64_t row_bytes, const void *activation, int32_t n,
              float *out) {
    for (int64_t row = 0; row < count; row++) {
        dot(n, out + row, 0, rows + row * row_bytes, 0, activation, 0, 1);
    }
}

/* Path A: decode a super-block, fold it into the row's sum, go on. The weights stay in the first cache. */
void fold_rows(decode_fn decode, const uint8_t *rows, int64_t count, int64_t block_bytes, const float *x, int64_t blocks,
               float *out) {
    float weights[BLOCK];
    for (int64_t row = 0; row < count; row++) {
        float sum = 0.0f;
        for (int64_t block = 0; block < blocks; block++) {
            decode(rows + (row * blocks + block) * block_bytes, weights, BLOCK);
            for (int i = 0; i < BLOCK; i++) {
                sum = sum + weights[i] * x[block * BLOCK + i];
            }
        }
        out[row] = sum;
    }
}
