# A real S3 server, a Ceph RGW, for tests: started once for a run of ctest,
# when a test of the run needs it. Where Ceph is not installed such tests are
# skipped.
#
#   dray_add_rgw_test(NAME COMMAND [ARGUMENT]...)
#
# adds a test whose command runs under tests/lib/with_rgw.sh, which says what
# it finds in its environment. Programs are given by $<TARGET_FILE:...>.
set(DRAY_RGW_DIR ${CMAKE_BINARY_DIR}/rgw)
set(DRAY_TESTS_LIB ${CMAKE_CURRENT_LIST_DIR})

add_test(NAME rgw/start COMMAND ${DRAY_TESTS_LIB}/rgw.sh start ${DRAY_RGW_DIR})
add_test(NAME rgw/stop COMMAND ${DRAY_TESTS_LIB}/rgw.sh stop ${DRAY_RGW_DIR})
set_tests_properties(rgw/start PROPERTIES FIXTURES_SETUP rgw SKIP_RETURN_CODE 77 TIMEOUT 300)
set_tests_properties(rgw/stop PROPERTIES FIXTURES_CLEANUP rgw TIMEOUT 120)

function(dray_add_rgw_test name)
  add_test(NAME ${name} COMMAND ${DRAY_TESTS_LIB}/with_rgw.sh ${ARGN})
  set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED rgw SKIP_RETURN_CODE 77 TIMEOUT 600
    ENVIRONMENT "DRAY_TEST_RGW_DIR=${DRAY_RGW_DIR};DRAY_TEST_TOOLS=${CMAKE_BINARY_DIR}/tests/lib")
endfunction()
