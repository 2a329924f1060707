"""What the curation server and the radio share: who may talk to them, how they are served, HTTP beside the routes.

auth      tokens, Host and Origin, security headers: ``Access`` and the ASGI ``AuthMiddleware``
http      JSON in and out, files in ranges, the files of a built page
serving   a socket, and uvicorn with a limit on the time a request takes
"""
