package main

import (
	"log/slog"
	"os"
	"time"

	"lucarne/cmd/internal/quota"
	"lucarne/encode"
)

// newQuota returns what we may use of our container's processors, by the meter, and
// says so if they are fewer than the machine's.
func newQuota(meter *meter, log *slog.Logger) *encode.Quota {
	root := os.DirFS("/")
	switch u, err := quota.Read(root); {
	case err != nil:
		log.Warn("the container's share of the processors is not known", "err", err)
	case u.Cores > 0:
		log.Info("the container has a share of the processors", "cores", u.Cores, "group", u.Group)
	}
	return encode.NewQuota(encode.QuotaConfig{
		Read: func() (encode.Usage, error) {
			u, err := quota.Read(root)
			return encode.Usage(u), err
		},
		Own: meter.used,
	}, time.Now())
}
