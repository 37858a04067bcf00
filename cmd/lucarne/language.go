package main

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// localesWithin is how long the system may take to list its locales.
const localesWithin = 2 * time.Second

// language returns the environment that puts the session into the language that is
// wished for.
func (c *upCmd) language(log *slog.Logger) []string {
	env, spoken := localeFor(c.Language, os.Getenv, installedLocales)
	if !spoken {
		log.Warn("the session's language is not as wished: no locale of it is installed", "wished", c.Language)
	}
	return env
}

// installedLocales asks the system for its locales; none: it does not say.
func installedLocales() []string {
	ctx, cancel := context.WithTimeout(context.Background(), localesWithin)
	defer cancel()
	out, err := exec.CommandContext(ctx, "locale", "-a").Output()
	if err != nil {
		return nil
	}
	return strings.Fields(string(out))
}

// regions are those that a language is spoken in here, best first; then any.
var regions = map[string][]string{"en": {"CA", "US", "GB"}, "fr": {"CA", "FR"}}

// utf8Locale is glibc's locale that speaks nothing, but knows all characters.
const utf8Locale = "C.UTF-8"

// localeFor returns the variables (locale(7)) that stand for a language, of the locales
// that are installed, and whether they do. Without a wish for one the locale stays as it
// is, and is that of all characters where there is none; nobody is asked for others then.
func localeFor(wished string, getenv func(string) string, installed func() []string) (env []string, spoken bool) {
	language, _, _ := strings.Cut(strings.ToLower(strings.NewReplacer("-", "_", ".", "_").Replace(wished)), "_")
	if language == "" {
		if getenv("LC_ALL") == "" && getenv("LANG") == "" && getenv("LC_CTYPE") == "" {
			return []string{"LANG=" + utf8Locale}, true
		}
		return nil, true
	}
	if regions[language] == nil {
		return nil, false
	}
	var names []string // as in "fr_CA", of those that know all characters
	for _, locale := range installed() {
		name, charset, _ := strings.Cut(locale, ".")
		if strings.HasPrefix(name, language+"_") && strings.EqualFold(strings.ReplaceAll(charset, "-", ""), "utf8") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	present, _, _ := strings.Cut(getenv("LANG"), ".")
	wish := []string{present}
	for _, region := range regions[language] {
		wish = append(wish, language+"_"+region)
	}
	for _, name := range append(wish, names...) {
		if slices.Contains(names, name) {
			return []string{"LANG=" + name + ".UTF-8", "LC_ALL=" + name + ".UTF-8", "LANGUAGE=" + name + ":" + language}, true
		}
	}
	return []string{"LANG=" + utf8Locale, "LC_ALL=" + utf8Locale, "LANGUAGE=" + language}, language == "en"
}
