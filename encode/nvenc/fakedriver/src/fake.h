// A driver without a GPU, for tests: CUDA's memory is the machine's, and NVENC's
// engine is x264. It holds its client to the rules that a real driver leaves to
// trust, and writes down each that is broken.
#ifndef FAKE_H
#define FAKE_H

#include <stddef.h>
#include <stdint.h>

// What it is told, by its environment, read at each call:
//
//   FAKEDRIVER_LOG       a file that gets a line for each rule that is broken
//   FAKEDRIVER_STATS     a file of struct fake_stats
//   FAKEDRIVER_GPU       the GPU's name; empty: there is none
//   FAKEDRIVER_API       the highest API of the encoder, hexadecimal: b1 is 11.1
//   FAKEDRIVER_HOST      how many GPUs the host has; NVENC opens if it sees the first only
//   FAKEDRIVER_SESSIONS  how many sessions there may be at once
//   FAKEDRIVER_CAPS      name=value,...: a capability of fake_caps
//   FAKEDRIVER_FAIL      function=what[@n],...: what the nth call from the start of
//                        the process does (every call without @n): a status to
//                        return, hang, crash, or garbage
enum { FAKE_HANG = -1, FAKE_CRASH = -2, FAKE_GARBAGE = -3 };

struct fake_stats {
	uint64_t encode_ns, upload_ns; // processor time spent as the GPU
	uint64_t encoded, uploaded;    // calls
	uint64_t uploaded_bytes;
	uint64_t wall_ns; // by the clock, for encoding and uploading
	int64_t sessions, contexts, memory, pinned, resources, bitstreams; // that there are
};

// fake_stats is the file's, or one of the process's own.
struct fake_stats *fake_stats(void);

// fake_told returns what FAKEDRIVER_FAIL says of this call: a status, FAKE_GARBAGE,
// or 0. It does not return from FAKE_HANG and FAKE_CRASH.
int fake_told(const char *function);

// fake_cap returns the value of a capability in FAKEDRIVER_CAPS, or otherwise.
int fake_cap(const char *name, int otherwise);

// fake_broken writes down that a rule is broken, and returns status.
int fake_broken(int status, const char *function, const char *rule, ...) __attribute__((format(printf, 3, 4)));

// fake_lock is held by every call but while it hangs.
void fake_lock(void);
void fake_unlock(void);

uint64_t fake_now(void);  // processor time of the thread, ns
uint64_t fake_wall(void); // by the clock, ns

// Of the CUDA half, for the encoder's.
struct fake_memory {
	struct fake_memory *next;
	uint8_t *at;
	size_t pitch, width, height;
	void *context;
	int registered;
};
void *fake_current(void);           // the context, NULL if there is none
int fake_is_context(void *context);
struct fake_memory *fake_memory_at(unsigned long long pointer);

#endif
