/* The floor: what a server must do at least. Frames a message once and writes it to each subscriber's socket in turn.
 *
 *   floor LENGTH RATE COALESCE_US
 *
 * RATE 0 writes as fast as the sockets take it. COALESCE_US gathers what is due in that time into one write each. A
 * client is a subscriber once it has sent anything after its handshake. Prints its port; ends with its standard input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 16384, BATCH = 4096 };

static int subscribers[CLIENTS], count;
static unsigned char shaken[1 << 16], joined[1 << 16];
static char message[65536 + 16];
static int header, length;
static long long sequence = 1000000000;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* ---- the handshake's SHA-1 and base64 ---- */

static uint32_t rol(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void sha1(const unsigned char *text, size_t size, unsigned char *digest) {
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0}, w[80];
    unsigned char block[256] = {0};
    memcpy(block, text, size);
    block[size] = 0x80;
    size_t blocks = (size + 8) / 64 + 1;
    for (int i = 0; i < 8; i++) block[blocks * 64 - 1 - i] = (unsigned char)((size * 8) >> (8 * i));
    for (size_t b = 0; b < blocks; b++) {
        for (int i = 0; i < 16; i++) {
            unsigned char *p = block + b * 64 + i * 4;
            w[i] = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
        }
        for (int i = 16; i < 80; i++) w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        uint32_t a = h[0], c = h[2], d = h[3], e = h[4], bb = h[1];
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20 ? (bb & c) | (~bb & d) : i < 40 ? bb ^ c ^ d : i < 60 ? (bb & c) | (bb & d) | (c & d) : bb ^ c ^ d;
            uint32_t k = i < 20 ? 0x5A827999 : i < 40 ? 0x6ED9EBA1 : i < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
            uint32_t next = rol(a, 5) + f + e + k + w[i];
            e = d; d = c; c = rol(bb, 30); bb = a; a = next;
        }
        h[0] += a; h[1] += bb; h[2] += c; h[3] += d; h[4] += e;
    }
    for (int i = 0; i < 20; i++) digest[i] = h[i / 4] >> (24 - 8 * (i % 4));
}

static void base64(const unsigned char *bytes, char *text) { /* of 20 bytes */
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 21; i += 3) {
        uint32_t v = bytes[i] << 16 | bytes[i + 1] << 8 | (i + 2 < 20 ? bytes[i + 2] : 0);
        for (int j = 0; j < 4; j++) *text++ = digits[v >> (18 - 6 * j) & 63];
    }
    text[-1] = '=';
    *text = 0;
}

static void answer(int fd, char *request) {
    char *key = strcasestr(request, "sec-websocket-key:"), accept[40], reply[256];
    unsigned char text[128], digest[20];
    if (!key) { close(fd); return; }
    key += 18;
    while (*key == ' ') key++;
    int n = snprintf((char *)text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    sha1(text, n, digest);
    base64(digest, accept);
    n = snprintf(reply, sizeof reply,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
        accept);
    if (send(fd, reply, n, MSG_NOSIGNAL) != n) close(fd);
    shaken[fd] = 1;
}

/* ---- messages ---- */

static void make_message(int size) {
    length = size;
    header = size < 126 ? 2 : 4;
    message[0] = (char)0x81;
    message[1] = (char)(size < 126 ? size : 126);
    if (header == 4) { message[2] = (char)(size >> 8); message[3] = (char)size; }
    memset(message + header, 'x', size);
}

static void stamp(char *frame) {
    char text[256];
    int n = snprintf(text, sizeof text, "{\"event\":\"data\",\"channel\":\"trading\",\"symbol\":\"BTC/USD\",\"type\":\"update\","
        "\"seq\":%lld,\"sent\":%lld,\"data\":{\"pad\":\"", ++sequence, 1000000000000000000LL + (long long)now_ns());
    memcpy(frame, message, header + length);
    memcpy(frame + header, text, n);
    memcpy(frame + header + length - 3, "\"}}", 3);
}

static void leave(int index) { joined[subscribers[index]] = 0; close(subscribers[index]); subscribers[index] = subscribers[--count]; }

static void write_all(const char *bytes, size_t size) {
    for (int i = 0; i < count; i++) {
        size_t done = 0;
        while (done < size) {
            ssize_t n = send(subscribers[i], bytes + done, size - done, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n > 0) { done += n; continue; }
            if (errno != EAGAIN) { leave(i--); break; }
            struct pollfd full = {.fd = subscribers[i], .events = POLLOUT};
            if (poll(&full, 1, 2000) <= 0) { leave(i--); break; }
        }
    }
}

static void serve(int poller, int listener, int wait_ms) {
    struct epoll_event events[256];
    int n = epoll_wait(poller, events, 256, wait_ms);
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;
        if (fd == 0) exit(0);
        if (fd == listener) {
            int client = accept(listener, NULL, NULL), one = 1;
            if (client < 0 || client >= 1 << 16) continue;
            setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            shaken[client] = joined[client] = 0;
            struct epoll_event event = {.events = EPOLLIN, .data.fd = client};
            epoll_ctl(poller, EPOLL_CTL_ADD, client, &event);
            continue;
        }
        char text[4096];
        ssize_t got = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
        if (got <= 0) {
            if (got < 0 && errno == EAGAIN) continue;
            int at = 0;
            while (at < count && subscribers[at] != fd) at++;
            if (at < count) leave(at); else close(fd);
        } else if (!shaken[fd]) { text[got] = 0; answer(fd, text); }
        else if (!joined[fd] && count < CLIENTS) { joined[fd] = 1; subscribers[count++] = fd; }
    }
}

int main(int argc, char **argv) {
    if (argc != 4) { fprintf(stderr, "floor LENGTH RATE COALESCE_US\n"); return 2; }
    long rate = atol(argv[2]), gather = atol(argv[3]);
    int size = atoi(argv[1]);
    if (size < 200 || size > 65535) { fprintf(stderr, "floor: a length from 200 to 65535\n"); return 2; }
    make_message(size);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poller = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t room = sizeof address;
    if (bind(listener, (void *)&address, room) || listen(listener, 4096)) { perror("floor"); return 1; }
    getsockname(listener, (void *)&address, &room);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = 0;
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &event);
    printf("PORT %d\n", ntohs(address.sin_port));
    fflush(stdout);

    size_t frame = header + length;
    char *batch = malloc(frame * BATCH);
    int64_t step = rate ? 1000000000LL / rate : 0, due = now_ns(), flush = due;
    for (int64_t turn = 0;; turn++) {
        if (!count) { serve(poller, listener, 50); due = flush = now_ns(); continue; }
        if (!rate) {
            if (turn % 64 == 0) serve(poller, listener, 0);
            stamp(batch);
            write_all(batch, frame);
            continue;
        }
        int64_t now = now_ns(), next = gather ? flush : due;
        if (now < next) {
            struct pollfd input = {.fd = poller, .events = POLLIN};
            struct timespec rest = {.tv_sec = 0, .tv_nsec = next - now};
            if (ppoll(&input, 1, &rest, NULL) > 0) serve(poller, listener, 0);
            continue;
        }
        if (now - due > 200000000) due = now;
        int gathered = 0;
        while (due <= now && gathered < (gather ? BATCH : 1)) { stamp(batch + frame * gathered++); due += step; }
        write_all(batch, frame * gathered);
        if (gather) flush = now + gather * 1000;
    }
}
