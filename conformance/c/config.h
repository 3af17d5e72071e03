/* What the client's configure would have found on a Linux of today. */
#define HAVE_ARPA_INET_H 1
#define HAVE_FCNTL_H 1
#define HAVE_GENERATED_ZOOKEEPER_JUTE_C 1
#define HAVE_GENERATED_ZOOKEEPER_JUTE_H 1
#define HAVE_GETCWD 1
#define HAVE_GETHOSTNAME 1
#define HAVE_GETLOGIN 1
#define HAVE_GETPWUID_R 1
#define HAVE_GETTIMEOFDAY 1
#define HAVE_GETUID 1
#define HAVE_MEMORY_H 1
#define HAVE_NETDB_H 1
#define HAVE_NETINET_IN_H 1
#define HAVE_POLL 1
#define HAVE_STDINT_H 1
#define HAVE_STDLIB_H 1
#define HAVE_STRING_H 1
#define HAVE_SYS_SOCKET_H 1
#define HAVE_SYS_TIME_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_SYS_UTSNAME_H 1
#define HAVE_UNISTD_H 1
#define POLL_NFDS_TYPE nfds_t
#define SOCK_CLOEXEC_ENABLED 1
#define ZOO_IPV6_ENABLED 1
#define PACKAGE_STRING "zookeeper C client 3.8.0"
#define ZKSERVER_CMD "./tests/zkServer.sh"
/* Gone from OpenSSL 3. */
#define FIPS_mode() 0
#include <time.h>
