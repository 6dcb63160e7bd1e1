/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UNIX socket of a cache directory. A socket address holds 107 bytes,
 * the path of a cache directory may be longer: both ends name the socket
 * through /proc/self/fd of the opened directory.
 */
#ifndef DRAY_FS_CONTROL_SOCKET_H
#define DRAY_FS_CONTROL_SOCKET_H

/*
 * Binds CACHE/control.sock (mode 0600), in the place of one that a dead
 * gateway left; only the holder of CACHE/lock may call it. 0 and a listening
 * socket (close-on-exec), or -ERR_local_io.
 */
int control_socket_listen(const char *cache_directory, int *fd_out);
/*
 * Connects to the gateway of the directory. 0 and a socket (close-on-exec),
 * -ENOENT or -ECONNREFUSED when no gateway runs there, or -ERR_local_io.
 */
int control_socket_connect(const char *cache_directory, int *fd_out);
void control_socket_remove(const char *cache_directory);

#endif
