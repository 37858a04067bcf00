package quota

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// tree makes a file system of paths and contents.
func tree(files map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range files {
		root[strings.TrimPrefix(name, "/")] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

const (
	mount1 = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
		"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
	mount2 = "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	stat1  = "nr_periods 40\nnr_throttled 7\nthrottled_time 123456789\n"
	stat2  = "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 40\nnr_throttled 7\nthrottled_usec 123456\n"
)

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  Usage
	}{
		"no control groups": {nil, Usage{}},
		"nothing mounted": {map[string]string{
			"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": ""}, Usage{}},
		"version 2, in a container": {map[string]string{
			"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": mount2,
			"/sys/fs/cgroup/cpu.max": "50000 100000\n", "/sys/fs/cgroup/cpu.stat": stat2,
		}, Usage{"/sys/fs/cgroup", 0.5, 2500 * time.Millisecond, 40, 7}},
		"version 2, no limit": {map[string]string{
			"/proc/self/cgroup": "0::/user.slice\n", "/proc/self/mountinfo": mount2,
			"/sys/fs/cgroup/user.slice/cpu.max": "max 100000\n", "/sys/fs/cgroup/user.slice/cpu.stat": stat2,
		}, Usage{}},
		"version 2, the outer group is tighter": {map[string]string{
			"/proc/self/cgroup": "0::/pod/main/sub\n", "/proc/self/mountinfo": mount2,
			"/sys/fs/cgroup/pod/cpu.max": "150000 100000\n", "/sys/fs/cgroup/pod/cpu.stat": stat2,
			"/sys/fs/cgroup/pod/main/cpu.max": "400000 100000\n", "/sys/fs/cgroup/pod/main/cpu.stat": "",
			"/sys/fs/cgroup/pod/main/sub/cpu.max": "max 100000\n",
		}, Usage{"/sys/fs/cgroup/pod", 1.5, 2500 * time.Millisecond, 40, 7}},
		"version 2, a path of the host's": {map[string]string{
			"/proc/self/cgroup":      "0::/../../kubepods/pod1\n",
			"/proc/self/mountinfo":   strings.Replace(mount2, " / ", " /kubepods/pod1/c1 ", 1),
			"/sys/fs/cgroup/cpu.max": "200000 100000", "/sys/fs/cgroup/cpu.stat": stat2,
		}, Usage{"/sys/fs/cgroup", 2, 2500 * time.Millisecond, 40, 7}},
		"version 1, in a container that knows its path": {map[string]string{
			"/proc/self/cgroup":                           "5:memory:/docker/c1\n4:cpu,cpuacct:/docker/c1\n1:name=systemd:/x:y\n0::/\n",
			"/proc/self/mountinfo":                        strings.ReplaceAll(mount1, "0:29 / ", "0:29 /docker/c1 ") + mount2,
			"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n", "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
			"/sys/fs/cgroup/cpu,cpuacct/cpu.stat": stat1, "/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage": "2500000000\n",
		}, Usage{"/sys/fs/cgroup/cpu,cpuacct", 0.5, 2500 * time.Millisecond, 40, 7}},
		"version 1, nested": {map[string]string{
			"/proc/self/cgroup": "4:cpu,cpuacct:/a/b\n", "/proc/self/mountinfo": mount1,
			"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
			"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "300000\n", "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
			"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us": "20000\n", "/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us": "10000\n",
			"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.stat": stat1, "/sys/fs/cgroup/cpu,cpuacct/a/b/cpuacct.usage": "1000\n",
		}, Usage{"/sys/fs/cgroup/cpu,cpuacct/a/b", 2, 1000, 40, 7}},
		"version 1, counted elsewhere": {map[string]string{
			"/proc/self/cgroup": "2:cpuacct:/\n1:cpu:/half\n0::/\n",
			"/proc/self/mountinfo": "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
				"33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n" + mount2,
			"/sys/fs/cgroup/cpu/half/cpu.cfs_quota_us": "50000\n", "/sys/fs/cgroup/cpu/half/cpu.cfs_period_us": "100000\n",
			"/sys/fs/cgroup/cpu/half/cpu.stat": stat1, "/sys/fs/cgroup/cpuacct/cpuacct.usage": "99\n",
		}, Usage{"/sys/fs/cgroup/cpu/half", 0.5, 0, 40, 7}},
		"version 1, a name with spaces": {map[string]string{
			"/proc/self/cgroup":       "1:cpu:/my group\n",
			"/proc/self/mountinfo":    "32 31 0:29 /my\\040group /c\\040g rw - cgroup cgroup rw,cpu\n",
			"/c g/cpu.cfs_quota_us":   "50000\n",
			"/c g/cpu.cfs_period_us":  "100000\n",
			"/c g/cpu.stat":           stat1,
			"/proc/self/unrelated":    "",
			"/c g/sub/cpu.cfs_period": "",
		}, Usage{"/c g", 0.5, 0, 40, 7}},
	} {
		got, err := Read(tree(c.files))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

func TestReadGarbage(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		fails      bool
	}{
		"no groups":         {"/proc/self/cgroup", "", false},
		"lines of nothing":  {"/proc/self/cgroup", "\n:\n::\n:::\n0\n0:\nx:y:z\n", false},
		"binary groups":     {"/proc/self/cgroup", "\x00\xff\xfe:\x00::\n", false},
		"mounts cut short":  {"/proc/self/mountinfo", "30 23 0:26 / /sys", false},
		"mounts of dashes":  {"/proc/self/mountinfo", " - - - \n - cgroup2 x y\n", false},
		"empty max":         {"/sys/fs/cgroup/cpu.max", "", false},
		"a max of letters":  {"/sys/fs/cgroup/cpu.max", "many 100000", true},
		"half a max":        {"/sys/fs/cgroup/cpu.max", "50000", true},
		"no period":         {"/sys/fs/cgroup/cpu.max", "50000 0", true},
		"less than nothing": {"/sys/fs/cgroup/cpu.max", "-5 100000", true},
		"beyond all bounds": {"/sys/fs/cgroup/cpu.max", "99999999999999999999 1", true},
		"empty stat":        {"/sys/fs/cgroup/cpu.stat", "", false},
		"names alone":       {"/sys/fs/cgroup/cpu.stat", "nr_periods\n", true},
		"a stat of letters": {"/sys/fs/cgroup/cpu.stat", "usage_usec x\n", true},
		"an unknown stat":   {"/sys/fs/cgroup/cpu.stat", "nr_dreams x\n", false},
	} {
		files := map[string]string{
			"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": mount2,
			"/sys/fs/cgroup/cpu.max": "50000 100000\n", "/sys/fs/cgroup/cpu.stat": stat2,
		}
		files[c.file] = c.text
		got, err := Read(tree(files))
		if (err != nil) != c.fails {
			t.Errorf("%s: %+v, %v; want an error: %t", name, got, err, c.fails)
		}
		if err != nil && !strings.Contains(err.Error(), "sys/fs/cgroup") {
			t.Errorf("%s: %v does not name the file", name, err)
		}
	}
}

func TestReadThisMachine(t *testing.T) {
	if _, err := Read(os.DirFS("/")); err != nil {
		t.Error(err)
	}
}

func TestOwnGrows(t *testing.T) {
	before := Own()
	for n := 0; Own() == before; n++ {
		if n > 1e8 {
			t.Fatal("no time passes")
		}
	}
}
