/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mount options, declared once: struct mount_conf, parsing, --help and
 * the manual page come from these tables.
 */
#ifndef DRAY_FS_CONFIG_OPTIONS_H
#define DRAY_FS_CONFIG_OPTIONS_H

#include "cache/limits.h"
#include "cache/policy.h"

/*
 * X(field, kind, name, default, min, max, argument, help)
 *
 *	kind      value                     field
 *	TEXT      any, not empty            char *, NULL when not given
 *	SIZE      "512M" (size_parse)       uint64_t, bytes
 *	DURATION  "5s" (duration_parse)     int64_t, nanoseconds
 *	NUMBER    decimal                   int64_t
 *	OCTAL     octal                     int64_t
 *	CHOICE    one of the words of       int64_t, the how manieth
 *		  the argument, "a|b"
 *	FLAG      none                      bool
 *
 * The default is written as on the command line; "" leaves the field NULL,
 * 0 or false. min and max bound what is given; 0, 0: no bounds.
 */
#define MOUNT_OPTIONS(X)                                                                           \
	X(cache, TEXT, "cache", "", 0, 0, "PATH",                                                  \
	  "The cache directory, made when it is missing. Default: /var/cache/dray/UUID for root, " \
	  "$XDG_CACHE_HOME/dray/UUID (or ~/.cache/dray/UUID) for others.")                         \
	X(cache_bytes, SIZE, "cache-size", "10G", 64LL << 20, INT64_MAX, "SIZE",                   \
	  "How much the cache may hold.")                                                          \
	X(dirty_bytes, SIZE, "dirty-limit", "", 1LL << 20, INT64_MAX, "SIZE",                      \
	  "How much of it may be not in the cloud yet. Default, and at most: 80 %.")               \
	X(min_free_bytes, SIZE, "min-free", "", 0, INT64_MAX, "SIZE",                              \
	  "What the cache leaves free of its disk. Default: 5 %, at most 1G.")                     \
	X(on_full, CHOICE, "on-full", "block", 0, 0, FULL_POLICY_NAMES,                            \
	  "When nothing more may wait for the cloud: let writers wait, or refuse them. Data that " \
	  "the kernel had taken when a write is refused is lost; the program is told at close or " \
	  "fsync.")                                                                                \
	X(upload_delay_ns, DURATION, "upload-delay", "5s", NS_PER_MS, 86400 * NS_PER_SECOND,       \
	  "TIME", "How long changes gather before they are uploaded.")                             \
	X(rpo_ns, DURATION, "rpo", "60s", NS_PER_SECOND, POLICY_RPO_SECONDS_MAX *NS_PER_SECOND,    \
	  "TIME",                                                                                  \
	  "How old the data of a file may become before the cloud has it; what is late is "        \
	  "counted. A directory may say otherwise: setfattr -n user.dray.rpo -v SECONDS DIR.")     \
	X(durability, CHOICE, "durability", "local", 0, 0, DURABILITY_NAMES,                       \
	  "When fsync and close return: when the data is safe on this machine, or in the cloud. "  \
	  "A directory may say otherwise: setfattr -n user.dray.durability -v cloud DIR.")         \
	X(durability_timeout_ns, DURATION, "durability-timeout", "60s", 0, 0, "TIME",              \
	  "How long they wait for the cloud before they fail with ETIMEDOUT; the data stays, and " \
	  "is uploaded later. 0: for ever.")                                                       \
	X(barrier, CHOICE, "barrier", "strict", 0, 0, "strict|relaxed",                            \
	  "What is written behind the fsync of a large file waits for that file in the cloud; "    \
	  "relaxed: it does not, and the cloud keeps the file's older content until then.")        \
	X(upload_threads, NUMBER, "upload-threads", "4", 1, 256, "N", "Uploads at one time.")      \
	X(fetch_threads, NUMBER, "fetch-threads", "8", 1, 256, "N", "Downloads at one time.")      \
	X(zstd_level, NUMBER, "zstd-level", "", 1, 19, "N",                                        \
	  "Compression level. Default: what the volume says.")                                     \
	X(lease_ttl_ns, DURATION, "lease-ttl", "30s", NS_PER_SECOND, 3600 * NS_PER_SECOND, "TIME", \
	  "A gateway that has not been heard of for so long may be replaced by another machine.")  \
	X(checkpoint_commits, NUMBER, "checkpoint-commits", "1000", 1, 1000000, "N",               \
	  "After so many commits a checkpoint is written, from which a restore starts.")           \
	X(checkpoint_bytes, SIZE, "checkpoint-bytes", "32M", 1, INT64_MAX, "SIZE",                 \
	  "Or after so much metadata in them (more when the volume has more than 8 times that).")  \
	X(rewrite_bytes, SIZE, "rewrite", "4M", 0, INT64_MAX, "SIZE",                              \
	  "Files whose bytes lie scattered over the store, as random overwrites leave them, are "  \
	  "stored together at this rate a second, while nothing else is to be done. 0: never.")    \
	X(rewrite_age_ns, DURATION, "rewrite-age", "10m", NS_PER_MS, 86400 * NS_PER_SECOND,        \
	  "TIME", "For how long such bytes have not been written before.")                         \
	X(takeover, FLAG, "takeover", "", 0, 0, "",                                                \
	  "Do not wait for another machine's lease: take the volume over now.")                    \
	X(unsafe_single_writer, FLAG, "unsafe-single-writer", "", 0, 0, "",                        \
	  "Go on with a store that does not honour conditional writes. A second gateway of the "   \
	  "volume is then not kept from overwriting what this one commits.")                       \
	X(follow, FLAG, "follow", "", 0, 0, "",                                                    \
	  "With ro: show what another machine writes, at its newest commit. Nothing is ever put "  \
	  "in the store, and any number may follow. Its cache is one of its own "                  \
	  "(UUID-follow).")                                                                        \
	X(follow_interval_ns, DURATION, "follow-interval", "1s", 10 * NS_PER_MS,                   \
	  3600 * NS_PER_SECOND, "TIME", "How often a follower asks for the next commit: one GET.") \
	X(read_only, FLAG, "ro", "", 0, 0, "", "Mount read-only.")                                 \
	X(allow_other, FLAG, "allow_other", "", 0, 0, "",                                          \
	  "Let other users in (ordinary users need user_allow_other in /etc/fuse.conf).")          \
	X(default_permissions, FLAG, "default_permissions", "on", 0, 0, "",                        \
	  "Let the kernel check owners and modes. On unless no_default_permissions is given.")     \
	X(uid, NUMBER, "uid", "-1", 0, UINT32_MAX - 1, "UID", "Show every file as this user's.")   \
	X(gid, NUMBER, "gid", "-1", 0, UINT32_MAX - 1, "GID", "Show every file as this group's.")  \
	X(umask, OCTAL, "umask", "-1", 0, 0777, "MASK",                                            \
	  "Show every file without these permission bits.")                                        \
	X(attr_timeout_ns, DURATION, "attr-timeout", "1d", 0, 0, "TIME",                           \
	  "How long the kernel may keep attributes. Only this mount changes them.")                \
	X(entry_timeout_ns, DURATION, "entry-timeout", "1d", 0, 0, "TIME",                         \
	  "How long the kernel may keep names.")                                                   \
	X(negative_timeout_ns, DURATION, "negative-timeout", "1d", 0, 0, "TIME",                   \
	  "How long the kernel may keep that a name does not exist.")                              \
	X(nocache_comm, TEXT, "nocache-comm", "", 0, 0, "NAME[:NAME]",                             \
	  "What these programs (virus scanners, indexers) read neither fills the cache nor "       \
	  "counts "                                                                                \
	  "as use. A name is what ps -o comm= shows, its first 15 bytes.")                         \
	X(nocache_uid, TEXT, "nocache-uid", "", 0, 0, "UID[:UID]",                                 \
	  "Likewise for what the programs of these users read.")                                   \
	X(threads, NUMBER, "threads", "16", 2, 1024, "N", "Threads that answer the kernel.")       \
	X(read_threads, NUMBER, "read-threads", "16", 1, 1024, "N",                                \
	  "Threads that wait for downloads.")                                                      \
	X(nonempty, FLAG, "nonempty", "", 0, 0, "",                                                \
	  "Mount over a directory that has entries; they are hidden meanwhile.")                   \
	X(fsname, TEXT, "fsname", "", 0, 0, "NAME",                                                \
	  "The source that df(1) and findmnt(8) show. Default: the URL.")                          \
	X(log, TEXT, "log", "", 0, 0, "FILE", "Append messages to this file as well.")

/* X(name, field): the option that makes a flag false again. */
#define MOUNT_OPTION_OPPOSITES(X) \
	X("rw", read_only)        \
	X("no_default_permissions", default_permissions)

/* X(name): what -o remount changes of a mount that is there. */
#define MOUNT_OPTIONS_LIVE(X) \
	X("remount")          \
	X("cache-size")       \
	X("dirty-limit")      \
	X("min-free")         \
	X("on-full")

/* X(name): mount(8) options that are handed to the kernel as they are. */
#define MOUNT_OPTIONS_KERNEL(X) \
	X("suid")               \
	X("nosuid")             \
	X("dev")                \
	X("nodev")              \
	X("exec")               \
	X("noexec")             \
	X("sync")               \
	X("async")              \
	X("dirsync")            \
	X("atime")              \
	X("noatime")

/*
 * X(name): accepted and without effect here. They are for mount(8), systemd
 * and fstab(5), or about access times, which reads never change.
 */
#define MOUNT_OPTIONS_IGNORED(X) \
	X("defaults")            \
	X("remount")             \
	X("auto")                \
	X("noauto")              \
	X("user")                \
	X("nouser")              \
	X("users")               \
	X("owner")               \
	X("group")               \
	X("nofail")              \
	X("_netdev")             \
	X("relatime")            \
	X("norelatime")          \
	X("strictatime")         \
	X("lazytime")            \
	X("diratime")            \
	X("nodiratime")

/* X(prefix): likewise, whatever follows. */
#define MOUNT_OPTIONS_IGNORED_PREFIXES(X) \
	X("x-")                           \
	X("X-")                           \
	X("comment=")                     \
	X("user=")

#endif
