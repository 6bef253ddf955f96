@echo off
rem Helm post-renderer on Windows: finds meshshift and hands it the rendered manifests on standard input.
rem Which meshshift runs: %MESHSHIFT% if set, meshshift on PATH, else python -m transformer.
setlocal
if not defined MESHSHIFT goto on_path
if not exist "%MESHSHIFT%" goto not_usable
"%MESHSHIFT%" %*
exit /b %ERRORLEVEL%

:on_path
where meshshift >nul 2>nul
if errorlevel 1 goto package
meshshift %*
exit /b %ERRORLEVEL%

:package
python -P -c "import transformer.needles, yaml" >nul 2>nul
if errorlevel 1 goto missing
python -P -m transformer %*
exit /b %ERRORLEVEL%

:not_usable
set "message=meshshift-postrender: MESHSHIFT is set to %MESHSHIFT%, which does not exist"
goto fail

:missing
set "message=meshshift-postrender: meshshift is not installed: put it on PATH or set MESHSHIFT to its path"

:fail
>&2 echo %message%
if defined MESHSHIFT_REPORT_FILE >>"%MESHSHIFT_REPORT_FILE%" echo %message%
exit /b 127
