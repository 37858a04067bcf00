package display

// SetCookie makes p believe in another cookie.
func SetCookie(p *Plan, cookie []byte) { p.cookie = cookie }

// FindXorg returns the path of an Xorg with a driver in one of the directories.
var FindXorg = findXorg

// PrepareTemp prepares a directory in place of /tmp.
var PrepareTemp = prepareTemp

// LockFile and ClaimPath are how a number is claimed in /tmp.
var (
	LockFile  = lockFile
	ClaimPath = claimPath
)
