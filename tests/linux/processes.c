/* fork, vfork, exec in its forms, scripts, posix_spawn, wait in its forms, descriptors over exec.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

extern char **environ;
static char self[512];
static char script[32] = "/tmp/processesXXXXXX";

static int status_of(pid_t pid)
{
    int status = 0;

    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int as_child(int argc, char **argv)
{
    const char *how = argv[1];

    printf("child %s: argc %d", how, argc);
    for (int i = 2; i < argc; i++)
        printf(" [%s]", strncmp(argv[i], script, 12) ? argv[i] : "script");
    printf(" VAR=%s argv0 %s\n", getenv("VAR") ? getenv("VAR") : "unset",
           strrchr(argv[0], '/') ? "path" : argv[0]);
    return 20 + argc;
}

static void forks(void)
{
    volatile int value = 1;
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t parent = getpid(), pid = fork();
    int status;

    if (pid == 0) {
        value = 2;
        *shared = getppid();
        _exit(value + 3);
    }
    status = status_of(pid);
    printf("fork: %d value %d parent %d\n", status, value, *shared == parent);
    pid = vfork();
    if (pid == 0)
        _exit(6);
    printf("vfork: %d\n", status_of(pid));
    fflush(stdout);
    pid = vfork();
    if (pid == 0) {
        value = 77; /* shared with the parent */
        execl(self, self, "vfork", "a b", NULL);
        _exit(1);
    }
    status = status_of(pid);
    printf("vfork exec: %d value %d\n", status, value);
}

static void execs(void)
{
    char *args[] = {(char *)"name", (char *)"execve", (char *)"", (char *)"-x", NULL};
    char *env[] = {(char *)"VAR=given", (char *)"PATH=/bin:/usr/bin", NULL};
    char *none[] = {NULL};
    pid_t pid;
    int fd;

    fflush(stdout);
    if ((pid = fork()) == 0) {
        execve(self, args, env);
        _exit(1);
    }
    printf("execve: %d\n", status_of(pid));
    fflush(stdout);
    if ((pid = fork()) == 0) {
        fd = open(self, O_RDONLY | O_CLOEXEC);
        args[1] = (char *)"fexecve";
        fexecve(fd, args, env);
        _exit(1);
    }
    printf("fexecve: %d\n", status_of(pid));
    fflush(stdout);
    if ((pid = fork()) == 0) {
        execl("/bin/sh", "sh", "-c", "exit 9", NULL);
        _exit(1);
    }
    printf("sh: %d\n", status_of(pid));
    CHECK(execve("/nowhere/nothing", args, none) == -1 && errno == ENOENT);
    CHECK(execve("/tmp", args, none) == -1 && errno == EACCES);
    CHECK(execve(self, (char **)8, none) == -1 && errno == EFAULT);
}

static void scripts(void)
{
    int fd = mkstemp(script);
    char text[700];
    pid_t pid;

    snprintf(text, sizeof(text), "#!%s script-argument \n", self);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    fchmod(fd, 0700);
    close(fd);
    fflush(stdout);
    if ((pid = fork()) == 0) {
        execl(script, "ignored", "one", NULL);
        _exit(1);
    }
    printf("script: %d\n", status_of(pid));
    fd = open(script, O_WRONLY | O_TRUNC);
    CHECK(write(fd, "echo no line\n", 13) == 13);
    close(fd);
    CHECK(execl(script, script, NULL) == -1 && errno == ENOEXEC);
    unlink(script);
}

static void spawns(void)
{
    char *args[] = {self, (char *)"spawn", NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int ret;

    fflush(stdout);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, 1, 5);
    ret = posix_spawn(&pid, self, &actions, NULL, args, environ);
    printf("spawn: %d", ret);
    printf(" %d\n", status_of(pid));
    ret = posix_spawn(&pid, "/nowhere/nothing", NULL, NULL, args, environ);
    printf("spawn nothing: %s\n", ret == ENOENT ? "ENOENT" : "?");
    fflush(stdout);
    ret = system("exit 12");
    printf("system: %d\n", WEXITSTATUS(ret));
}

static void waits(void)
{
    siginfo_t info;
    pid_t pid = fork();
    FILE *p;
    char line[64];

    if (pid == 0)
        _exit(3);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    printf("waitid: %d %d %d\n", info.si_pid == pid, info.si_status, info.si_code == CLD_EXITED);
    CHECK(waitpid(-1, NULL, WNOHANG) == pid);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    p = popen("echo from a pipe; exit 4", "r");
    CHECK(fgets(line, sizeof(line), p) != NULL);
    printf("popen: %s", line);
    printf("pclose: %d\n", WEXITSTATUS(pclose(p)));
}

static int clone_child(void *arg)
{
    *(int *)arg += 1;
    return 8;
}

static void clones(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    int value = 1;
    int status;
    pid_t pid = clone(clone_child, stack + sizeof(stack), SIGCHLD, &value);

    status = status_of(pid);
    printf("clone: %d value %d\n", status, value);
    pid = clone(clone_child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &value);
    status = status_of(pid);
    printf("clone vm: %d value %d\n", status, value);
}

int main(int argc, char **argv)
{
    char name[17] = "";
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

    self[length > 0 ? length : 0] = '\0';
    if (argc > 1)
        return as_child(argc, argv);
    setenv("VAR", "inherited", 1);
    prctl(PR_SET_NAME, "other");
    prctl(PR_GET_NAME, name);
    printf("name: %s\n", name);
    forks();
    execs();
    scripts();
    spawns();
    waits();
    clones();
    printf("ids: %d %d\n", getpid() == syscall(SYS_gettid), getpgrp() == getpgid(0));
    return 17;
}
