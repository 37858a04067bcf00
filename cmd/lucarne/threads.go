package main

import (
	"os"
	"sync/atomic"
	"time"

	"lucarne/cmd/internal/cores"
	"lucarne/cmd/internal/quota"
	"lucarne/encode"
	"lucarne/encode/choice"
)

const (
	// spare processors stay idle for the desktop's programs and what else we do:
	// encoders that wait for each other's threads are slower than one alone.
	spare = 2
	// maxThreads of one encoder; a picture of 1080p does not gain by more.
	maxThreads = 4
)

// threads is how many each library's encoders are opened with, as found out.
type threads map[string]*atomic.Int32 // by the Backend's name

// backend returns the backend with as many threads as were found out where the
// number is left open.
func (t threads) backend(b encode.Backend) encode.Backend {
	if t[b.Name] == nil {
		t[b.Name] = new(atomic.Int32)
	}
	open, found := b.Open, t[b.Name]
	b.Open = func(cfg encode.Config) (encode.Encoder, error) {
		if cfg.Threads == 0 {
			cfg.Threads = int(found.Load())
		}
		return open(cfg)
	}
	return b
}

// spread gives the encoders that are opened from now on so many threads each if
// that has been measured to pay.
func (d *desktop) spread(candidates []*encode.Fanout, one, many []choice.Cost, threads int) {
	for i := range many {
		name := candidates[i].Backend().Name
		if !choice.Pays(one[i], many[i]) {
			continue
		}
		d.threads[name].Store(int32(threads))
		d.log.Info("encoder has more threads", "encoder", name, "threads", threads, "one", one[i], "many", many[i])
	}
}

// threadsFor returns how many threads an encoder may have while so many processors
// are idle beside the one that it is measured on, of a quota of cores, 0 for none.
func threadsFor(idle, quota float64) int {
	free := idle + 1
	if quota > 0 {
		free = min(free, quota)
	}
	return min(max(int(free)-spare, 1), maxThreads)
}

// idleCores begins to count the processors that are idle. What it returns tells
// how many have been since, 0 if that is not known.
func idleCores() func() float64 {
	root := os.DirFS("/")
	before, err := cores.Read(root)
	return func() float64 {
		after, errAfter := cores.Read(root)
		if err != nil || errAfter != nil {
			return 0
		}
		return after.IdleSince(before)
	}
}

// quotaCores returns how many processors the container may use, 0 for all.
func quotaCores() float64 {
	u, err := quota.Read(os.DirFS("/"))
	if err != nil {
		return 1 // something bounds it
	}
	return u.Cores
}

// waited returns how long this thread has waited for a processor, 0 where that is not
// known.
func waited() time.Duration {
	d, err := cores.Waited(os.DirFS("/"))
	if err != nil {
		return 0
	}
	return d
}
