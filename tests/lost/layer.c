// A Vulkan layer that loses the device.
//
// LOSE_AFTER=N lets N submissions pass. LOSE_IN=submit refuses the next one; LOSE_IN=wait takes it, and the wait for it
// fails. From then on every submission and every wait fails as on a device that is lost.

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LOST = -4, OF_INSTANCE = 47, OF_DEVICE = 48, LINK = 0 };

typedef int32_t Result;
typedef void (*Function)(void);
typedef Function (*GetProc)(void *, const char *);

// What the loader hands to a layer, as far as it is read here. The second function is that of devices only in a
// device's link.
typedef struct {
    void *next;
    GetProc instance_proc, device_proc;
} Link;
typedef struct Create {
    int type;
    struct Create *next;
    int function;
    Link *link;
} Create;
typedef struct {
    int type;
    void *next;
    uint32_t version;
    GetProc instance_proc, device_proc, physical_proc;
} Interface;

// One instance and one device at a time, of one driver.
static GetProc next_instance, next_device;
static void *device;
static atomic_long submissions;
static atomic_bool lost;

static Link *take_link(Create *create, int type) {
    for (create = create->next; create; create = create->next) {
        if (create->type == type && create->function == LINK) {
            Link *link = create->link;
            create->link = link->next;
            return link;
        }
    }
    abort();
}

// The driver's own work ends first: it does not know that its device is lost.
static Result lose(void) {
    if (!atomic_exchange(&lost, 1))
        ((Result(*)(void *))next_device(device, "vkDeviceWaitIdle"))(device);
    return LOST;
}

static int is_in(const char *place) {
    const char *asked = getenv("LOSE_IN");
    return asked && !strcmp(asked, place);
}

// Whether this submission may pass; the wait for the last one that passes fails where that is asked for.
static int passes(void) {
    const char *after = getenv("LOSE_AFTER");
    return !lost && (!after || atomic_fetch_add(&submissions, 1) < atol(after) + is_in("wait"));
}

static int waits(void) {
    const char *after = getenv("LOSE_AFTER");
    return !lost && !(is_in("wait") && after && submissions > atol(after));
}

#define NEXT(name, ...) ((Result(*)(__VA_ARGS__))next_device(device, name))
#define SUBMIT(name)                                                                                         \
    static Result name(void *queue, uint32_t count, void *work, void *fence) {                               \
        return passes() ? NEXT(#name, void *, uint32_t, void *, void *)(queue, count, work, fence) : lose(); \
    }
#define WAIT(name)                                                                            \
    static Result name(void *of, void *what, uint64_t limit) {                                \
        return waits() ? NEXT(#name, void *, void *, uint64_t)(of, what, limit) : lose();     \
    }
#define ASK(name)                                                               \
    static Result name(void *of, void *what, void *value) {                     \
        return waits() ? NEXT(#name, void *, void *, void *)(of, what, value) : lose(); \
    }
#define IDLE(name)                                                   \
    static Result name(void *of) {                                   \
        return waits() ? NEXT(#name, void *)(of) : lose();           \
    }
SUBMIT(vkQueueSubmit)
SUBMIT(vkQueueSubmit2)
SUBMIT(vkQueueSubmit2KHR)
WAIT(vkWaitSemaphores)
WAIT(vkWaitSemaphoresKHR)
ASK(vkGetSemaphoreCounterValue)
ASK(vkGetSemaphoreCounterValueKHR)
IDLE(vkDeviceWaitIdle)
IDLE(vkQueueWaitIdle)
static Result vkWaitForFences(void *of, uint32_t count, void *fences, uint32_t all, uint64_t limit) {
    return waits() ? NEXT("vkWaitForFences", void *, uint32_t, void *, uint32_t, uint64_t)(of, count, fences, all, limit)
                   : lose();
}
static Result vkGetFenceStatus(void *of, void *fence) {
    return waits() ? NEXT("vkGetFenceStatus", void *, void *)(of, fence) : lose();
}

static Result vkCreateInstance(Create *create, void *allocator, void **instance) {
    next_instance = take_link(create, OF_INSTANCE)->instance_proc;
    return ((Result(*)(void *, void *, void **))next_instance(NULL, "vkCreateInstance"))(create, allocator, instance);
}

static Result vkCreateDevice(void *adapter, Create *create, void *allocator, void **made) {
    Link *link = take_link(create, OF_DEVICE);
    Function create_device = link->instance_proc(NULL, "vkCreateDevice");
    next_device = link->device_proc;
    Result result = ((Result(*)(void *, void *, void *, void **))create_device)(adapter, create, allocator, made);
    device = *made;
    return result;
}

static Function device_proc(void *of, const char *name);
static Function instance_proc(void *of, const char *name);

static Function own(const char *name) {
#define OWN(function) {#function, (Function)function}
    static const struct {
        const char *name;
        Function function;
    } all[] = {
        OWN(vkCreateInstance), OWN(vkCreateDevice), OWN(vkQueueSubmit), OWN(vkQueueSubmit2), OWN(vkQueueSubmit2KHR),
        OWN(vkWaitSemaphores), OWN(vkWaitSemaphoresKHR), OWN(vkGetSemaphoreCounterValue),
        OWN(vkGetSemaphoreCounterValueKHR), OWN(vkDeviceWaitIdle), OWN(vkQueueWaitIdle), OWN(vkWaitForFences),
        OWN(vkGetFenceStatus), {"vkGetDeviceProcAddr", (Function)device_proc},
        {"vkGetInstanceProcAddr", (Function)instance_proc},
    };
    for (size_t index = 0; index < sizeof all / sizeof *all; index++)
        if (!strcmp(all[index].name, name)) return all[index].function;
    return NULL;
}

// What the driver does not have, this has not either.
static Function device_proc(void *of, const char *name) {
    Function next = next_device(of, name), mine = own(name);
    return next && mine ? mine : next;
}

static Function instance_proc(void *of, const char *name) {
    Function mine = own(name);
    return mine ? mine : next_instance(of, name);
}

Result vkNegotiateLoaderLayerInterfaceVersion(Interface *interface) {
    interface->version = 2;
    interface->instance_proc = instance_proc;
    interface->device_proc = device_proc;
    interface->physical_proc = NULL;
    return 0;
}
