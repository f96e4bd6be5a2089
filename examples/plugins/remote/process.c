/* SPDX-License-Identifier: Apache-2.0 */
/* process.c: starts the server and ends it. The server is the file convoke-remote-server beside this plugin. It gets its end of a socket pair
 * as REMOTE_FD, the path of the backend as its argument, nothing on standard input and output, and no other open file; it is a process group
 * of its own, so that an interrupt at the terminal reaches the program first, and ends when the socket closes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

#define SERVER_NAME "convoke-remote-server"
#define HELLO_NS INT64_C(30000000000) /* a backend that takes longer to start counts as hung */

static cvk_status server_path(const cvk_instance *inst, char path[PATH_MAX]) {
  static const char inside[] = SERVER_NAME; /* any address in this plugin will do */
  Dl_info here;
  const char *file = dladdr(inside, &here) != 0 && here.dli_fname != NULL ? here.dli_fname : "";
  const char *slash = strrchr(file, '/');
  if (slash == NULL || snprintf(path, PATH_MAX, "%.*s/" SERVER_NAME, (int)(slash - file), file) >= PATH_MAX)
    return remote_fail(inst, CVK_IO_ERROR, "remote: no folder of " SERVER_NAME " can be told from the plugin's path '%.300s'", file);
  return CVK_OK;
}

/* 0, or errno. */
static int spawn(pid_t *pid, char *path, char *backend, int fd) {
  char *argv[] = {path, backend, NULL};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  sigset_t none;
  int error = posix_spawn_file_actions_init(&files);
  if (error != 0) return error;
  error = posix_spawnattr_init(&how);
  if (error != 0) goto no_attributes;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setpgroup(&how, 0);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  error = posix_spawn_file_actions_adddup2(&files, fd, REMOTE_FD);
  if (error == 0) error = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (error == 0) error = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
#ifdef REMOTE_HAS_CLOSEFROM
  if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&files, REMOTE_FD + 1);
#endif
  if (error == 0) error = posix_spawn(pid, path, &files, &how, argv, environ); /* handed on unread, as to any child */
  posix_spawnattr_destroy(&how);
no_attributes:
  posix_spawn_file_actions_destroy(&files);
  return error;
}

static cvk_status hello(cvk_instance *inst) {
  remote_call c;
  remote_call_begin(&c, REMOTE_HELLO);
  const int64_t about[] = {REMOTE_VERSION, CVK_ABI_MAJOR, CVK_ABI_MINOR, sizeof(cvk_op), sizeof(cvk_tensor_desc), sizeof(cvk_post_op),
                           sizeof(cvk_candidate), sizeof(cvk_device_info)};
  remote_put_data(&c.message, about, sizeof about);
  cvk_status status = remote_call_ask(&c, inst, HELLO_NS);
  if (status == CVK_OK) {
    snprintf(inst->backend, sizeof inst->backend, "%s", remote_get_text(&c.reply));
    inst->n_devices = (int32_t)remote_get_int(&c.reply, 0, REMOTE_MAX_DEVICES);
    for (int32_t i = 0; i < inst->n_devices; i++) remote_get_struct(&c.reply, &inst->info[i], sizeof inst->info[i]);
    if (c.reply.failed) status = remote_damaged(inst);
  }
  remote_call_end(&c);
  return status;
}

cvk_status remote_start(cvk_instance *inst, const char *backend) {
  char path[PATH_MAX], argument[PATH_MAX];
  int fd[2];
  cvk_status status = server_path(inst, path);
  if (status != CVK_OK) return status;
  if (snprintf(argument, sizeof argument, "%s", backend) >= (int)sizeof argument)
    return remote_fail(inst, CVK_INVALID_ARGUMENT, "remote: the backend's path has %zu characters, allowed are %d", strlen(backend), PATH_MAX - 1);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
    return remote_fail(inst, CVK_IO_ERROR, "remote: no socket pair: %s", strerror(errno));
  const int error = spawn(&inst->server, path, argument, fd[1]);
  close(fd[1]);
  if (error != 0) {
    close(fd[0]);
    return remote_fail(inst, CVK_IO_ERROR, "remote: %.300s cannot be started: %s", path, strerror(error));
  }
  inst->owner = getpid();
  inst->fd = fd[0];
  status = hello(inst);
  if (status != CVK_OK) remote_stop(inst);
  return status;
}

/* A child of fork() may hold the socket too, so closing it would not be seen: shutdown is. */
void remote_stop(cvk_instance *inst) {
  const int mine = inst->owner == getpid();
  if (mine) shutdown(inst->fd, SHUT_RDWR);
  close(inst->fd);
  while (mine && waitpid(inst->server, NULL, 0) < 0 && errno == EINTR) continue;
}
