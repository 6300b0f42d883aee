/* The load generator: opens WebSocket connections, subscribes, reads as fast as it can, counts and times frames.
 *
 *   sink PORT [--connections N] [--idle N] [--stalled N] [--subscribe TEXT] [--streams N] [--path PATH] [--deflate]
 *             [--warmup S] [--seconds S] [--timeout S] [--pid PID] [--every US]
 *             [--latency sent|none|LOGFILE] [--hold]
 *
 * `%d` in the subscribe message is replaced by the connection's number modulo --streams. A stalled connection subscribes
 * and is never read; an idle one never subscribes. A connection's sequence numbers at the first frame of the window and
 * at the first one after it tell exactly whether frames were lost. The server's CPU time is the kernel's own clock of
 * that process, read at both ends of the window. With --every the sockets are looked at only so often: like a client on
 * another machine, the reader is then not woken at the server's cost by each write. Prints one JSON object.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROUND = 16384, ROOM = 1 << 20, BUCKETS = 2000000, LOG_SLOTS = 1 << 20 };
enum phase { WARM, MEASURE, DRAIN };

struct connection {
    int fd, started, finished, deflate, closed;
    int64_t first, last;
    uint64_t data, count, bytes;
    unsigned char *carry;
    size_t carried;
};

static const char DATA[] = "{\"event\":\"data\"";
static const int64_t SENT_BASE = 1000000000000000000LL;
static unsigned char room[ROOM];
static uint32_t *histogram;
static int64_t *publish_log;
static int stamped, phase = WARM;
static long every; /* microseconds between two looks at the sockets */
static uint64_t samples, disconnects, others;
static size_t unseen, unfinished;

static int64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what) {
    fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t number_after(const unsigned char *text, size_t length, const char *key) {
    const unsigned char *at = memmem(text, length, key, strlen(key));
    return at ? strtoll((const char *)at + strlen(key), NULL, 10) : -1;
}

static void send_masked(int fd, int opcode, const void *payload, size_t length) {
    unsigned char frame[4200];
    size_t header = 2;
    if (length > 4096) return;
    frame[0] = 0x80 | opcode;
    if (length < 126) frame[1] = 0x80 | length;
    else { frame[1] = 0x80 | 126; frame[2] = length >> 8; frame[3] = length & 255; header = 4; }
    memset(frame + header, 0, 4); /* a mask of zeros leaves the payload as it is */
    memcpy(frame + header + 4, payload, length);
    if (send(fd, frame, header + 4 + length, MSG_NOSIGNAL) < 0 && errno != EAGAIN) disconnects++;
}

static void time_frame(const unsigned char *payload, size_t length, int64_t received) {
    int64_t sent = -1;
    if (stamped) sent = number_after(payload, length, "\"sent\":") - SENT_BASE;
    else {
        int64_t seq = number_after(payload, length, "\"seq\":");
        if (seq >= 0) sent = __atomic_load_n(&publish_log[seq & (LOG_SLOTS - 1)], __ATOMIC_RELAXED);
    }
    if (sent <= 0) return;
    int64_t us = (received - sent) / 1000;
    histogram[us < 0 ? 0 : us >= BUCKETS ? BUCKETS - 1 : us]++;
    samples++;
}

static void take_data(struct connection *c, const unsigned char *payload, size_t length, int64_t received) {
    if (!c->data++) unseen--;
    if (phase == MEASURE) {
        if (!c->started) { c->started = 1; c->first = number_after(payload, length, "\"seq\":"); }
        c->count++;
        c->bytes += length;
        if (histogram) time_frame(payload, length, received);
    } else if (phase == DRAIN && c->started && !c->finished) {
        c->finished = 1;
        c->last = number_after(payload, length, "\"seq\":");
        unfinished--;
    }
}

/* Takes the whole frames at the start of the bytes; returns how many bytes they were. */
static size_t take_frames(struct connection *c, const unsigned char *bytes, size_t size, int64_t received) {
    size_t at = 0;
    while (size - at >= 2) {
        size_t header = 2, length = bytes[at + 1] & 127;
        if (length == 126) {
            if (size - at < 4) break;
            length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
            header = 4;
        } else if (length == 127) {
            if (size - at < 10) break;
            length = 0;
            for (int i = 2; i < 10; i++) length = length << 8 | bytes[at + i];
            header = 10;
        }
        if (header + length > ROOM / 2) { errno = EMSGSIZE; die("a frame is too long"); }
        if (size - at < header + length) break;
        const unsigned char *payload = bytes + at + header;
        int opcode = bytes[at] & 15;
        if (opcode == 9) send_masked(c->fd, 10, payload, length);
        else if (opcode == 8) c->closed = 1;
        else if ((bytes[at] & 0x40) || (length > sizeof DATA && !memcmp(payload, DATA, sizeof DATA - 1)))
            take_data(c, payload, length, received);
        else others++;
        at += header + length;
    }
    return at;
}

static void drop(struct connection *c) {
    disconnects++;
    if (!c->data) unseen--;
    if (phase == DRAIN && c->started && !c->finished) unfinished--;
    c->closed = 1;
    close(c->fd);
    c->fd = -1;
}

static void read_some(struct connection *c) {
    memcpy(room, c->carry, c->carried);
    ssize_t got = recv(c->fd, room + c->carried, ROOM - c->carried, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) { drop(c); return; }
    int64_t received = histogram ? now_ns(CLOCK_MONOTONIC) : 0;
    size_t size = c->carried + got, used = take_frames(c, room, size, received);
    c->carried = size - used;
    if (c->carried) {
        c->carry = realloc(c->carry, c->carried);
        memcpy(c->carry, room + used, c->carried);
    }
}

static void shake(struct connection *c, int port, const char *path, int deflate) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval limit = {.tv_sec = 10};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0) die("socket (is the limit of open files high enough? see ulimit -n)");
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (void *)&address, sizeof address)) die("connect");
    char request[1024];
    int length = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
        path, port, deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "");
    if (send(c->fd, request, length, MSG_NOSIGNAL) != length) die("send");
    unsigned char reply[65536], *end = NULL;
    size_t size = 0;
    while (!end) {
        ssize_t got = recv(c->fd, reply + size, sizeof reply - size, 0);
        if (got <= 0) die("the handshake was not answered");
        size += got;
        end = memmem(reply, size, "\r\n\r\n", 4);
    }
    if (memcmp(reply, "HTTP/1.1 101", 12)) {
        fprintf(stderr, "sink: the handshake was refused: %.*s\n", (int)size, reply);
        exit(1);
    }
    end += 4;
    *(end - 1) = 0;
    c->deflate = strcasestr((char *)reply, "permessage-deflate") != NULL;
    c->carried = size - (end - reply);
    c->carry = malloc(c->carried + 1);
    memcpy(c->carry, end, c->carried);
}

static void subscribe(struct connection *c, const char *template, long stream) {
    char text[2048];
    const char *mark = strstr(template, "%d");
    if (mark) snprintf(text, sizeof text, "%.*s%ld%s", (int)(mark - template), template, stream, mark + 2);
    else snprintf(text, sizeof text, "%s", template);
    send_masked(c->fd, 1, text, strlen(text));
}

static int percentile(double share) {
    uint64_t seen = 0, goal = (uint64_t)(samples * share);
    for (int us = 0; us < BUCKETS; us++)
        if ((seen += histogram[us]) > goal) return us;
    return 0;
}

/* Reads until the deadline, or until the number pointed to is zero. */
static void read_until(int poller, int64_t deadline, const size_t *left) {
    static struct epoll_event events[ROUND];
    for (;;) {
        int64_t now = now_ns(CLOCK_MONOTONIC);
        if (now >= deadline || (left && !*left)) return;
        if (every) usleep(every);
        int n = epoll_wait(poller, events, ROUND, every ? 0 : (deadline - now) / 1000000 > 20 ? 20 : 1);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->fd >= 0) read_some(c);
        }
    }
}

int main(int argc, char **argv) {
    long connections = 1, idle = 0, stalled = 0, streams = 1;
    int deflate = 0, hold = 0, port = argc > 1 ? atoi(argv[1]) : 0;
    pid_t pid = 0;
    double warmup = 0.3, seconds = 1, timeout = 10;
    const char *message = "{\"event\":\"subscribe\",\"channel\":\"trading\",\"symbol\":\"BTC/USD\"}";
    const char *path = "/", *latency = "none";
    for (int i = 2; i < argc; i++) {
        const char *name = argv[i];
        if (!strcmp(name, "--deflate")) { deflate = 1; continue; }
        if (!strcmp(name, "--hold")) { hold = 1; continue; }
        if (++i >= argc) { fprintf(stderr, "sink: %s needs a value\n", name); return 2; }
        if (!strcmp(name, "--connections")) connections = atol(argv[i]);
        else if (!strcmp(name, "--idle")) idle = atol(argv[i]);
        else if (!strcmp(name, "--stalled")) stalled = atol(argv[i]);
        else if (!strcmp(name, "--streams")) streams = atol(argv[i]);
        else if (!strcmp(name, "--subscribe")) message = argv[i];
        else if (!strcmp(name, "--path")) path = argv[i];
        else if (!strcmp(name, "--warmup")) warmup = atof(argv[i]);
        else if (!strcmp(name, "--seconds")) seconds = atof(argv[i]);
        else if (!strcmp(name, "--timeout")) timeout = atof(argv[i]);
        else if (!strcmp(name, "--every")) every = atol(argv[i]);
        else if (!strcmp(name, "--pid")) pid = atoi(argv[i]);
        else if (!strcmp(name, "--latency")) latency = argv[i];
        else { fprintf(stderr, "sink: unknown option %s\n", name); return 2; }
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (strcmp(latency, "none")) {
        histogram = calloc(BUCKETS, sizeof *histogram);
        stamped = !strcmp(latency, "sent");
        if (!stamped) {
            int log = open(latency, O_RDONLY);
            if (log < 0) die("the log of publish times");
            publish_log = mmap(NULL, LOG_SLOTS * sizeof *publish_log, PROT_READ, MAP_SHARED, log, 0);
            if (publish_log == MAP_FAILED) die("mmap");
        }
    }
    long total = connections + idle + stalled;
    struct connection *all = calloc(total ? total : 1, sizeof *all);
    int poller = epoll_create1(0);
    for (long i = 0; i < total; i++) {
        shake(&all[i], port, path, deflate);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        if (i < connections + idle) epoll_ctl(poller, EPOLL_CTL_ADD, all[i].fd, &event);
    }
    unseen = total; /* counts down as connections see their first data; idle and stalled ones never do */
    if (hold) {
        struct pollfd input = {.fd = 0, .events = POLLIN};
        printf("{\"ready\":%ld}\n", total);
        fflush(stdout);
        int64_t limit = now_ns(CLOCK_MONOTONIC) + (int64_t)(timeout * 1e9);
        while (now_ns(CLOCK_MONOTONIC) < limit && !poll(&input, 1, 0))
            read_until(poller, now_ns(CLOCK_MONOTONIC) + 50000000, NULL);
        return 0;
    }
    unseen = connections;
    for (long i = 0; i < total; i++)
        if (i < connections || i >= connections + idle) subscribe(&all[i], message, i % streams);
    read_until(poller, now_ns(CLOCK_MONOTONIC) + (int64_t)(timeout * 1e9), &unseen);
    if (unseen) { fprintf(stderr, "sink: %zu of %ld connections saw no data\n", unseen, connections); return 1; }
    read_until(poller, now_ns(CLOCK_MONOTONIC) + (int64_t)(warmup * 1e9), NULL);

    clockid_t server = CLOCK_PROCESS_CPUTIME_ID;
    int timed = pid && !clock_getcpuclockid(pid, &server);
    int64_t begin = now_ns(CLOCK_MONOTONIC), cpu = timed ? now_ns(server) : 0;
    phase = MEASURE;
    read_until(poller, begin + (int64_t)(seconds * 1e9), NULL);
    cpu = timed ? now_ns(server) - cpu : 0;
    int64_t end = now_ns(CLOCK_MONOTONIC);
    for (long i = 0; i < connections; i++) unfinished += all[i].started && all[i].fd >= 0;
    phase = DRAIN;
    read_until(poller, end + 2000000000LL, &unfinished);

    uint64_t frames = 0, bytes = 0, fewest = UINT64_MAX, most = 0, gaps = 0, unchecked = 0;
    int deflated = total > 0 && all[0].deflate;
    for (long i = 0; i < connections; i++) {
        struct connection *c = &all[i];
        frames += c->count;
        bytes += c->bytes;
        if (c->count < fewest) fewest = c->count;
        if (c->count > most) most = c->count;
        if (!c->finished || c->first < 0 || c->last < 0) unchecked++;
        else if ((uint64_t)(c->last - c->first) != c->count) gaps++;
    }
    printf("{\"connections\":%ld,\"frames\":%lu,\"bytes\":%lu,\"seconds\":%.6f,\"cpu_seconds\":%.6f,"
           "\"fewest\":%lu,\"most\":%lu,\"gaps\":%lu,\"unchecked\":%lu,\"disconnects\":%lu,\"other_frames\":%lu,"
           "\"deflated\":%d,\"samples\":%lu,\"p50_us\":%d,\"p99_us\":%d}\n",
           connections, frames, bytes, (end - begin) / 1e9, cpu / 1e9, fewest, most, gaps, unchecked, disconnects,
           others, deflated, samples, samples ? percentile(0.5) : 0, samples ? percentile(0.99) : 0);
    return 0;
}
