#define _GNU_SOURCE
#include "fake.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void fake_lock(void) { pthread_mutex_lock(&mutex); }
void fake_unlock(void) { pthread_mutex_unlock(&mutex); }

static uint64_t read_clock(clockid_t clock) {
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

uint64_t fake_now(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }
uint64_t fake_wall(void) { return read_clock(CLOCK_MONOTONIC); }

struct fake_stats *fake_stats(void) {
	static struct fake_stats own, *mapped;
	static char of[512];
	const char *path = getenv("FAKEDRIVER_STATS");
	if (!path || !*path) return &own;
	if (mapped && !strcmp(path, of)) return mapped;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof own)) return &own;
	void *at = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED) return &own;
	snprintf(of, sizeof of, "%s", path);
	return mapped = at;
}

int fake_broken(int status, const char *function, const char *rule, ...) {
	char line[512];
	va_list args;
	va_start(args, rule);
	int n = snprintf(line, sizeof line, "%s: ", function);
	n += vsnprintf(line + n, sizeof line - n - 1, rule, args);
	va_end(args);
	if (n > (int)sizeof line - 2) n = sizeof line - 2;
	line[n++] = '\n';
	const char *path = getenv("FAKEDRIVER_LOG");
	int fd = path && *path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : 2;
	if (fd < 0) return status;
	if (write(fd, line, n) < 0) perror("FAKEDRIVER_LOG");
	if (fd != 2) close(fd);
	return status;
}

// The calls of each function so far.
static struct {
	const char *function;
	int calls;
} counted[96];

static int count(const char *function) {
	for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
		if (!counted[i].function) counted[i].function = function;
		if (!strcmp(counted[i].function, function)) return ++counted[i].calls;
	}
	return 0;
}

// find returns the text after "name=" in a list with commas, NULL if there is none.
static const char *find(const char *list, const char *name) {
	size_t n = strlen(name);
	for (const char *at = list; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!strncmp(at, name, n) && at[n] == '=') return at + n + 1;
	return NULL;
}

int fake_told(const char *function) {
	int call = count(function);
	const char *what = find(getenv("FAKEDRIVER_FAIL"), function);
	if (!what) return 0;
	size_t length = strcspn(what, ",");
	const char *nth = memchr(what, '@', length);
	if (nth && atoi(nth + 1) != call) return 0;
	if (!strncmp(what, "hang", 4)) {
		fake_unlock();
		for (;;) pause();
	}
	if (!strncmp(what, "crash", 5)) abort();
	if (!strncmp(what, "garbage", 7)) return FAKE_GARBAGE;
	return atoi(what);
}

int fake_cap(const char *name, int otherwise) {
	const char *value = find(getenv("FAKEDRIVER_CAPS"), name);
	return value ? atoi(value) : otherwise;
}
