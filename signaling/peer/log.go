package peer

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// logFactory gives pion loggers that write to ours at debug level: what it
// calls an error is mostly a peer's doing.
type logFactory struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (f logFactory) NewLogger(scope string) logging.LeveledLogger {
	return pionLog{f.log.With("pion", scope)}
}

// pionLog drops what pion traces and writes the rest at debug level.
type pionLog struct{ log *slog.Logger }

func (l pionLog) Trace(string)          {}
func (l pionLog) Tracef(string, ...any) {}
func (l pionLog) Debug(string)          {}
func (l pionLog) Debugf(string, ...any) {}
func (l pionLog) Info(string)           {}
func (l pionLog) Infof(string, ...any)  {}

func (l pionLog) Warn(msg string)                { l.log.Debug(msg) }
func (l pionLog) Warnf(format string, a ...any)  { l.log.Debug(fmt.Sprintf(format, a...)) }
func (l pionLog) Error(msg string)               { l.log.Debug(msg) }
func (l pionLog) Errorf(format string, a ...any) { l.log.Debug(fmt.Sprintf(format, a...)) }
