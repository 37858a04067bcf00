#ifndef LUCARNE_YUV_WIDE_H
#define LUCARNE_YUV_WIDE_H

// Where the compiler can, a function marked WIDE is made twice, and the wider one
// is taken on processors that have it.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

#endif
