package peer

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/pion/logging"
)

// logFactory gives pion loggers that write to ours at debug level: what it
// calls an error is mostly a peer's doing.
type logFactory struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (f logFactory) NewLogger(scope string) logging.LeveledLogger {
	return pionLog{f.log.With("pion", scope)}
}

// relayLost are the beginnings of what pion warns of when it can make no use of a
// TURN server.
var relayLost = []string{
	"failed to allocate on TURN client",
	"Failed to connect to relay",
	"Failed to dial TCP address",
	"Failed to resolve TCP address",
	"Failed to resolve relay address",
}

// pionLog drops what pion traces and writes the rest at debug level.
type pionLog struct{ log *slog.Logger }

func (l pionLog) Trace(string)          {}
func (l pionLog) Tracef(string, ...any) {}
func (l pionLog) Debug(string)          {}
func (l pionLog) Debugf(string, ...any) {}
func (l pionLog) Info(string)           {}
func (l pionLog) Infof(string, ...any)  {}

func (l pionLog) Warn(msg string) { l.log.Debug(msg) }

// Warnf is the only way in which pion says why a TURN server is of no use: that
// much is for whoever runs it.
func (l pionLog) Warnf(format string, a ...any) {
	level := slog.LevelDebug
	if slices.ContainsFunc(relayLost, func(begin string) bool { return strings.HasPrefix(format, begin) }) {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, fmt.Sprintf(format, a...))
}

func (l pionLog) Error(msg string)               { l.log.Debug(msg) }
func (l pionLog) Errorf(format string, a ...any) { l.log.Debug(fmt.Sprintf(format, a...)) }
