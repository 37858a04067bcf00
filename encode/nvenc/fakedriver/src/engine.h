#ifndef ENGINE_H
#define ENGINE_H

#include <stddef.h>
#include <stdint.h>

// The engine: x264 in place of the GPU's silicon.

struct engine_settings {
	int width, height, fps_num, fps_den;
	int full_colour, high, cabac, level, references, preset; // preset: 1 to 7
	int min_qp, max_qp;                                      // 0: none
	int chroma_offset;                                       // of the quantizers of U and V
	int constant_qp;                                         // 0: by bitrate
	uint32_t bps, vbv_bits;                                  // vbv_bits 0: a second
	int gop;                                                 // 0: without end
	int colour, primaries, transfer, matrix, full_range;     // colour: the rest is signalled
	int repeat_headers;
};

// The layouts of pictures that it takes.
enum engine_format { ENGINE_ARGB, ENGINE_NV12, ENGINE_I420 };

struct engine;
struct engine *engine_open(const struct engine_settings *settings);
void engine_close(struct engine *engine);

struct engine_packet {
	uint8_t *data;
	size_t size, capacity;
	int key, qp;
};

// engine_encode makes the packet of a picture. It returns 0, or -1.
int engine_encode(struct engine *engine, const uint8_t *pixels, size_t pitch, enum engine_format format, int key,
                  int64_t stamp, struct engine_packet *packet);

// engine_rate changes what settings say of bitrate and buffer.
int engine_rate(struct engine *engine, const struct engine_settings *settings);

// engine_forget has no later frame refer to the one of that stamp.
int engine_forget(struct engine *engine, int64_t stamp);

// engine_headers writes SPS and PPS, and returns their size.
size_t engine_headers(struct engine *engine, uint8_t *to, size_t room);

#endif
